/** Who is where in 10.77.0.0/16: nodes and their pods in 0–127, Services in 128–191, the control plane at 255. The rest is for tests. */
export const apiAddress = '10.77.255.1';
/** Where who runs beside the cluster comes from in IPv6: without an address of its own it would be ::1, from which no pod can be reached. */
export const outsideAddress6 = 'fd77::3:1';
export const apiPort = 6443;
export const etcdUrl = 'http://127.0.0.1:2379';
export const serviceRange = '10.77.128.0/18';
export const serviceRange6 = 'fd77::1:0/112';
/** First of the range: the API server gives it to the Service `kubernetes`. */
export const kubernetesServiceAddress = '10.77.128.1';
export const dnsAddress = '10.77.128.10';
/** Whether an address is a pod's, or a node's: its own interface answers for it, or only that node may use it. */
export const isOfNodes = (address: string): boolean => /^(::ffff:)?10\.77\.(\d|[1-9]\d|1[01]\d|12[0-7])\./.test(address) || address.startsWith('fd77::2:');
/** Nodes take one share each of the whole network; only the first half of the shares are theirs. */
export const shares = 16;
export const mostNodes = 8;
