// Faults that take a while, on a control plane that gives up on nodes soon. One file at a time: they share one cluster, and one installation of Rouse in it.
export default { extensions: ['ts'], files: ['test/cluster/faults/*.test.ts'], timeout: '300s', concurrency: 1, workerThreads: false };
