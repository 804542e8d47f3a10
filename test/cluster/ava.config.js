// On the real control plane. One file at a time: they share one cluster, and one installation of Rouse in it.
export default { extensions: ['ts'], files: ['test/cluster/*.test.ts'], timeout: '300s', concurrency: 1, workerThreads: false };
