// Real clients and servers against us; they share ports and CPU, so one file at a time.
export default { extensions: ['ts'], files: ['test/tools/**/*.test.ts'], timeout: '300s', concurrency: 1, workerThreads: false };
