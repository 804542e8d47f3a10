package golden

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// scenario is a load, a spec, and how both change.
type scenario struct {
	name    string
	spec    spec
	initial int
	// Seconds until a pod that was asked for is ready.
	start float64
	ticks int
	// Ticks fall on even seconds and this many more: with 0 the newest second is over by one at each tick, else some of it has been reported.
	offset float64
	// Load of a second; negative: nobody reports.
	load func(second int) float64
	// Share of reports that come up to five seconds late.
	late    float64
	updates map[int]func(*spec)
}

func newRandom(name string) *rand.Rand {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return rand.New(rand.NewPCG(hash.Sum64(), 1))
}

func thousandth(value float64) float64 { return math.Round(value*1000) / 1000 }

// reports are those of one second that have come by the tick `at`: one to three reporters, some of whom count requests that another has counted, too.
func (s scenario) reports(random *rand.Rand, second int, at float64) []stat {
	load := s.load(second)
	if load < 0 {
		return nil
	}
	reporters := 1 + random.IntN(3)
	var reports []stat
	for range reporters {
		when := float64(second) + random.Float64()*math.Min(0.999, at-float64(second))
		if random.Float64() < s.late {
			when = math.Max(0, when-5*random.Float64())
		}
		share := load * (0.9 + 0.2*random.Float64()) / float64(reporters)
		proxied := 0.
		if random.IntN(3) == 0 {
			proxied = share * random.Float64()
		}
		reports = append(reports, stat{
			At:                        thousandth(when),
			AverageConcurrency:        thousandth(share + proxied),
			AverageProxiedConcurrency: thousandth(proxied),
			RequestCount:              thousandth(1.5 * (share + proxied)),
			ProxiedRequestCount:       thousandth(1.5 * proxied),
		})
	}
	return reports
}

// between gives `inside` from the seconds `from` until `to`, else `outside`.
func between(outside, inside float64, spans ...[2]int) func(int) float64 {
	return func(second int) float64 {
		for _, span := range spans {
			if span[0] <= second && second < span[1] {
				return inside
			}
		}
		return outside
	}
}

func scenarios() []scenario {
	var all []scenario
	for _, aggregation := range []string{"linear", "weighted-exponential"} {
		for index, metric := range []string{"concurrency", "rps"} {
			base := spec{
				Metric: metric, Aggregation: aggregation, TargetValue: 7, TotalValue: 10, StableWindowSeconds: 30, PanicWindowSeconds: 6, PanicThreshold: 2,
				MaxScaleUpRate: 1000, MaxScaleDownRate: 2, TargetBurstCapacity: 211, ActivationScale: 1, Reachable: true,
			}
			offset := []float64{0.7, 0}[index]
			add := func(s scenario, changes ...func(*spec)) {
				s.name = fmt.Sprintf("%03d-%s-%s-%s", 100+len(all), s.name, metric, aggregation)
				s.spec = base
				for _, change := range changes {
					change(&s.spec)
				}
				all = append(all, s)
			}
			for _, rate := range []float64{1.1, 1.5, 3} {
				limited := func(s *spec) { s.MaxScaleUpRate, s.MaxScaleDownRate = rate, rate }
				// Without panic, so that the stable demand is what is limited; pods that start leave the base where it is.
				add(scenario{name: fmt.Sprintf("rates-%g", rate), start: 3, ticks: 70, offset: offset, load: between(0, 600, [2]int{10, 60})}, limited, func(s *spec) { s.PanicThreshold = 1e6 })
				// In panic both demands are limited, and activation-scale goes beyond.
				add(scenario{name: fmt.Sprintf("panic-rates-%g", rate), ticks: 70, offset: 0.9, load: between(5, 900, [2]int{12, 40}, [2]int{100, 104})},
					limited, func(s *spec) { s.ActivationScale, s.PanicThreshold = 4, 1.5 })
			}
			// Entered, extended, held and left, twice; the second time for pods that are slow to start.
			add(scenario{name: "panics", initial: 1, start: 5, ticks: 90, offset: 0.9, load: between(12, 160, [2]int{20, 27}, [2]int{40, 44}, [2]int{110, 120})})
			// Wide enough a panic window that the exponential average keeps what the newest second has not told yet.
			add(scenario{name: "wide-panics", initial: 1, start: 8, ticks: 90, offset: 0, load: between(12, 200, [2]int{20, 60}, [2]int{130, 150})},
				func(s *spec) {
					s.StableWindowSeconds, s.PanicWindowSeconds, s.ScaleDownDelaySeconds, s.TargetBurstCapacity = 60, 45, 20, -1
				})
			add(scenario{name: "late-panics", initial: 2, start: 2, ticks: 80, offset: offset, late: 0.3, load: between(15, 200, [2]int{20, 34}, [2]int{100, 112})},
				func(s *spec) { s.MaxScaleUpRate, s.PanicThreshold = 2, 1.5 })
			// Starts in panic, which ends a window after its creation.
			add(scenario{name: "starts-panicking", initial: 9, ticks: 50, offset: offset, load: between(8, 8)}, func(s *spec) { s.MaxScaleDownRate = 1.2 })
			// Every setting that may change, before, in and after a panic.
			add(scenario{name: "update-all", initial: 1, start: 2, ticks: 100, offset: 0.9, load: between(20, 300, [2]int{24, 36}, [2]int{90, 96}, [2]int{150, 160}),
				updates: map[int]func(*spec){
					6:  func(s *spec) { s.MaxScaleUpRate = 1.5 },
					14: func(s *spec) { s.PanicThreshold, s.MaxScaleUpRate = 10, 10 },
					18: func(s *spec) { s.StableWindowSeconds, s.PanicWindowSeconds = 60, 6 },
					22: func(s *spec) { s.TargetValue, s.TotalValue = 14, 20 },
					30: func(s *spec) { s.StableWindowSeconds, s.PanicWindowSeconds, s.PanicThreshold = 12, 2, 1.2 },
					44: func(s *spec) { s.ActivationScale, s.MaxScaleDownRate = 6, 1.1 },
					47: func(s *spec) { s.TargetBurstCapacity = -1 },
					58: func(s *spec) { s.TargetBurstCapacity, s.Reachable = 0, false },
					66: func(s *spec) { s.Reachable, s.StableWindowSeconds, s.PanicWindowSeconds = true, 120, 45 },
					80: func(s *spec) { s.TargetBurstCapacity, s.PanicThreshold, s.MaxScaleUpRate = 50, 1.1, 1.1 },
				}})
			// The delay window, which is not written while nobody routes to the revision.
			add(scenario{name: "update-reachable", initial: 3, ticks: 80, offset: offset, load: between(10, 120, [2]int{0, 50}, [2]int{90, 110}),
				updates: map[int]func(*spec){
					28: func(s *spec) { s.Reachable = false },
					34: func(s *spec) { s.Reachable = true },
					60: func(s *spec) { s.Reachable, s.MaxScaleDownRate = false, 1.1 },
				}}, func(s *spec) { s.ScaleDownDelaySeconds = 30 })
			// Silent for more than a window, and for less; resized in both silences, and in one of a window that was never full.
			add(scenario{name: "update-silence", initial: 1, ticks: 100, offset: offset, load: between(60, -1, [2]int{8, 22}, [2]int{60, 110}, [2]int{140, 150}),
				updates: map[int]func(*spec){
					8:  func(s *spec) { s.StableWindowSeconds = 45 },
					52: func(s *spec) { s.StableWindowSeconds, s.PanicWindowSeconds = 20, 4 },
					72: func(s *spec) { s.StableWindowSeconds, s.PanicWindowSeconds = 90, 12 },
				}})
		}
	}
	return all
}
