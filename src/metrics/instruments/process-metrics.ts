import { one, type Metric } from './series.ts';

/** What every Prometheus client library shows of its process. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly startSeconds: number;
  /** Seconds that the event loop was busy. */
  readonly loopBusySeconds: number;
}

/** The usual names (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics), and how busy the event loop was. */
export const processMetrics = (figures: ProcessFigures | undefined): readonly Metric[] => {
  if (figures === undefined) return [];
  const metric = (name: string, type: 'counter' | 'gauge', help: string, value: number): Metric => ({ name, help, type, samples: () => one(value) });
  return [
    metric('process_cpu_seconds_total', 'counter', 'User and system CPU time.', figures.cpuSeconds),
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', figures.residentBytes),
    metric('process_start_time_seconds', 'gauge', 'Start of the process, in seconds since 1970.', figures.startSeconds),
    metric('nodejs_heap_size_used_bytes', 'gauge', 'What of the JavaScript heap is in use.', figures.heapUsedBytes),
    metric(
      'nodejs_eventloop_busy_seconds_total',
      'counter',
      'Seconds that the event loop did not wait; a rate near 1 is a process that can do no more.',
      figures.loopBusySeconds,
    ),
  ];
};
