// Package golden records what Knative's own autoscaler decides. Its clock is the fake one of testing/synctest, which begins at a multiple of 60 s, so that
// each time.Now() of Knative's (a panic in which it starts, a window that is resized) is a moment of the trace. How to run it: ../kpa-golden.md.
package golden

import (
	"compress/gzip"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"knative.dev/serving/pkg/apis/autoscaling"
	"knative.dev/serving/pkg/apis/autoscaling/v1alpha1"
	"knative.dev/serving/pkg/autoscaler/metrics"
	"knative.dev/serving/pkg/autoscaler/scaling"
)

// The shapes of src/cli/replay/golden-trace.ts; all times are seconds after the base.
type (
	spec struct {
		Metric                string  `json:"metric"`
		Aggregation           string  `json:"aggregation"`
		TargetValue           float64 `json:"targetValue"`
		TotalValue            float64 `json:"totalValue"`
		StableWindowSeconds   int     `json:"stableWindowSeconds"`
		PanicWindowSeconds    int     `json:"panicWindowSeconds"`
		PanicThreshold        float64 `json:"panicThreshold"`
		MaxScaleUpRate        float64 `json:"maxScaleUpRate"`
		MaxScaleDownRate      float64 `json:"maxScaleDownRate"`
		TargetBurstCapacity   float64 `json:"targetBurstCapacity"`
		ScaleDownDelaySeconds int     `json:"scaleDownDelaySeconds"`
		ActivationScale       int32   `json:"activationScale"`
		Reachable             bool    `json:"reachable"`
	}
	stat struct {
		At                        float64 `json:"at"`
		AverageConcurrency        float64 `json:"averageConcurrency"`
		AverageProxiedConcurrency float64 `json:"averageProxiedConcurrency"`
		RequestCount              float64 `json:"requestCount"`
		ProxiedRequestCount       float64 `json:"proxiedRequestCount"`
	}
	want struct {
		Valid               bool    `json:"valid"`
		DesiredPodCount     int32   `json:"desiredPodCount"`
		ExcessBurstCapacity int32   `json:"excessBurstCapacity"`
		ObservedStable      float64 `json:"observedStable"`
		ObservedPanic       float64 `json:"observedPanic"`
	}
	tick struct {
		At         float64 `json:"at"`
		Stats      []stat  `json:"stats"`
		SpecUpdate *spec   `json:"specUpdate,omitempty"`
		ReadyPods  int     `json:"readyPods"`
		Want       want    `json:"want"`
	}
	trace struct {
		Name             string `json:"name"`
		Spec             spec   `json:"spec"`
		InitialReadyPods int    `json:"initialReadyPods"`
		Ticks            []tick `json:"ticks"`
	}
)

var key = types.NamespacedName{Namespace: "default", Name: "web"}

func (s spec) metric() *v1alpha1.Metric {
	target := "web-private"
	if s.TargetBurstCapacity < 0 { // With its activator always in the path Knative has nothing to scrape.
		target = ""
	}
	annotations := map[string]string{}
	if s.Aggregation == "weighted-exponential" {
		annotations[autoscaling.MetricAggregationAlgorithmKey] = autoscaling.MetricAggregationAlgorithmWeightedExponential
	}
	return &v1alpha1.Metric{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Annotations: annotations},
		Spec:       v1alpha1.MetricSpec{StableWindow: duration(float64(s.StableWindowSeconds)), PanicWindow: duration(float64(s.PanicWindowSeconds)), ScrapeTarget: target},
	}
}

func (s spec) decider() *scaling.DeciderSpec {
	return &scaling.DeciderSpec{
		MaxScaleUpRate:      s.MaxScaleUpRate,
		MaxScaleDownRate:    s.MaxScaleDownRate,
		ScalingMetric:       s.Metric,
		TargetValue:         s.TargetValue,
		TotalValue:          s.TotalValue,
		TargetBurstCapacity: s.TargetBurstCapacity,
		PanicThreshold:      s.PanicThreshold,
		StableWindow:        duration(float64(s.StableWindowSeconds)),
		ScaleDownDelay:      duration(float64(s.ScaleDownDelaySeconds)),
		ActivationScale:     s.ActivationScale,
		Reachable:           s.Reachable,
	}
}

func duration(seconds float64) time.Duration {
	return time.Duration(seconds*1000+0.5) * time.Millisecond
}

// pods stands for the revision: each pod is ready some seconds after it was asked for, and those that start go first.
type pods struct{ readyAt []float64 }

func (p *pods) ready(now float64) (count int) {
	for _, at := range p.readyAt {
		if at <= now {
			count++
		}
	}
	return count
}

func (p *pods) scale(to int, now, start float64) {
	for len(p.readyAt) < to {
		p.readyAt = append(p.readyAt, now+start)
	}
	slices.Sort(p.readyAt)
	p.readyAt = p.readyAt[:to]
}

type counter struct{ ready int }

func (c *counter) ReadyCount() (int, error)    { return c.ready, nil }
func (c *counter) NotReadyCount() (int, error) { return 0, nil }

// record lets Knative decide one scenario; call it in a bubble.
func record(s scenario) trace {
	logger := zap.NewNop().Sugar()
	base := time.Now()
	random := newRandom(s.name)
	collector := metrics.NewMetricCollector(func(*v1alpha1.Metric, *zap.SugaredLogger) (metrics.StatsScraper, error) { return nil, nil }, logger)
	defer collector.Delete(key.Namespace, key.Name)
	now := s.spec
	must(collector.CreateOrUpdate(now.metric()))
	counted := &counter{ready: s.initial}
	autoscaler := scaling.New(*attribute.EmptySet(), noop.NewMeterProvider(), key.Namespace, key.Name, collector, counted, now.decider())
	running := &pods{}
	running.scale(s.initial, 0, 0)
	result := trace{Name: s.name, Spec: now, InitialReadyPods: s.initial}

	second := 0
	for count := 1; count <= s.ticks; count++ {
		at := float64(2*count) + s.offset
		time.Sleep(base.Add(duration(at)).Sub(time.Now()))
		entry := tick{At: at, Stats: []stat{}}
		for ; float64(second) < at; second++ {
			for _, reported := range s.reports(random, second, at) {
				entry.Stats = append(entry.Stats, reported)
				collector.Record(key, base.Add(duration(reported.At)), metrics.Stat{
					PodName:                          "reporter",
					AverageConcurrentRequests:        reported.AverageConcurrency,
					AverageProxiedConcurrentRequests: reported.AverageProxiedConcurrency,
					RequestCount:                     reported.RequestCount,
					ProxiedRequestCount:              reported.ProxiedRequestCount,
				})
			}
		}
		if change, ok := s.updates[count]; ok {
			change(&now)
			changed := now
			entry.SpecUpdate = &changed
			must(collector.CreateOrUpdate(now.metric()))
			autoscaler.Update(now.decider())
		}
		counted.ready = running.ready(at)
		entry.ReadyPods = counted.ready
		moment := base.Add(duration(at))
		if decided := autoscaler.Scale(logger, moment); decided.ScaleValid {
			entry.Want = want{Valid: true, DesiredPodCount: decided.DesiredPodCount, ExcessBurstCapacity: decided.ExcessBurstCapacity}
			averages := collector.StableAndPanicConcurrency
			if now.Metric == autoscaling.RPS {
				averages = collector.StableAndPanicRPS
			}
			stable, panic, err := averages(key, moment)
			must(err)
			entry.Want.ObservedStable, entry.Want.ObservedPanic = stable, panic
			running.scale(int(decided.DesiredPodCount), at, s.start)
		}
		result.Ticks = append(result.Ticks, entry)
	}
	return result
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

var out = flag.String("out", "", "where the traces are written to, gzipped JSON lines")

func TestRecord(t *testing.T) {
	if *out == "" {
		t.Skip("nothing to write to: -out")
	}
	file, err := os.Create(*out)
	must(err)
	packed, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	must(err)
	lines := json.NewEncoder(packed)
	for _, s := range scenarios() {
		synctest.Test(t, func(*testing.T) { must(lines.Encode(record(s))) })
	}
	must(packed.Close())
	must(file.Close())
}
