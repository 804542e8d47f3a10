import type { ProcessFigures } from '../../metrics/index.ts';

const startSeconds = Date.now() / 1000 - process.uptime();

/** This process, at the moment. */
export const processFigures = (): ProcessFigures => {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    startSeconds,
    loopBusySeconds: performance.eventLoopUtilization().active / 1000,
  };
};
