/**
 * What bounds a client's or a pod's HTTP/1.1 connection, in time and in size. None can be set: each is so far from what works that reaching it is a fault or an attack.
 * `docs/gateway.md` lists them; a test compares.
 */

/** The header of the PROXY protocol and the TLS handshake together, from the moment when the connection is taken, where there is either. */
export const enterWithinSeconds = 10;
/** The header of version 2 of the PROXY protocol, which could have 64 KiB. What balancers add is some hundred bytes, a client's certificate a few thousand. */
export const mostProxyHeaderBytes = 16 * 1024;
/** A request's head, from its first byte: 408 (nginx's `client_header_timeout` is 60 s; a head is one packet or two). */
export const headWithinSeconds = 10;
/** A request's head: 431. */
export const mostHeadBytes = 32 * 1024;
/** Longer than the idle time-outs of usual load balancers in front (60 s), so that it is they who close. */
export const keepIdleSeconds = 75;
/** A connection that is new when the gateway ends has so long for its first request, which may be on its way. */
export const firstRequestSeconds = 1;
/** What is read ahead of the request under way; the rest waits in the kernel. */
export const mostAheadBytes = 16 * 1024;
/** A client that has ended its side in the middle of its answer is gone when the pod has said nothing for so long. */
export const endedClientSeconds = 2;
/** After the last answer what still comes is read and dropped until nothing has come for so long: a reset could overtake the answer (RFC 9112 §9.6). */
export const lingerSeconds = 5;
export const longestLingerSeconds = 30;
/** Between two probes of a client that is silent: one that has vanished must not keep a workload up for ever. */
export const probeSilentClientSeconds = 60;

/** A pod on the same network answers a SYN in well under a millisecond; longer means that it is not there, and another one is tried. */
export const connectWithinMs = 1000;
/** The head of a pod's answer: 502. */
export const mostAnswerHeadBytes = 64 * 1024;
/** Shorter than what common servers keep an idle connection for (Node 5 s), so that we never write into one that is just being closed. */
export const keepPodIdleMs = 4000;
/** A request that cannot be sent twice only goes over a connection that was used so short a time ago: hardly a server closes one that soon. */
export const freshForMs = 1000;

/** Of one body in chunks. */
export const mostExtensionBytes = 16 * 1024;
export const mostTrailerBytes = 8 * 1024;
