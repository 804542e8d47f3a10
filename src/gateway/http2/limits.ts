/**
 * What bounds HTTP/2 towards clients and pods, in time and in size, besides the limits of HTTP/1.1 that hold for both (`../http1/limits.ts`). None can be set. `docs/gateway.md` lists them; a test
 * compares.
 */

// Of a client's connection.

/** A connection that does not begin to speak HTTP/2 in this time is closed. */
export const greetingWithinSeconds = 10;
/** Clients of gRPC keep connections for half an hour and open another without a word; a load balancer's idle time is about a minute. */
export const keepSessionIdleSeconds = 300;
/** After so long a silence a client with streams is asked whether it is still there; one that has vanished must not keep a workload up for ever. */
export const pingAfterSeconds = 30;
export const goneAfterSeconds = 50;
export const streamWindowBytes = 128 * 1024;
export const connectionWindowBytes = 1024 * 1024;
export const mostClientStreams = 1000;
export const mostFieldsBytes = 32 * 1024;
/** While a peer reads nothing, but goes on to ask for answers to PINGs and requests, no more than this is kept for it: then it is not read either. */
export const mostBacklogBytes = 1024 * 1024;

// Of any connection.

/** Frames of one section behind HEADERS. With bytes they are bounded by its length; without any they would be by nothing (CVE-2024-27316). */
export const mostContinuations = 16;
/** Streams that are taken back, or that we have to (CVE-2023-44487, CVE-2025-8671): gRPC clients end streams that way too. */
export const mostResetsAtOnce = 500;
export const mostResetsPerSecond = 50;
/** Frames that ask for work and bring nothing: PING, SETTINGS, PRIORITY, empty DATA, frames of streams that are no more. Each frame with content pays for one. */
export const mostIdleFramesAtOnce = 10_000;
export const mostIdleFramesPerSecond = 1000;

// Of a connection to a pod.

/** How long is waited for the pod's SETTINGS, which say how many streams it takes. */
export const settingsWithinMs = 1000;
/** Longer than most pauses between requests; servers that close earlier say so by GOAWAY. */
export const keepPodSessionIdleMs = 60_000;
/** Connections to one port of one pod; more streams than fit into them wait. */
export const mostPodSessions = 64;
/** Above this many streams another connection is opened, even where the pod would take more: one connection is one core of the pod, and one lost packet stops all its streams. */
export const mostPodStreams = 250;
/**
 * Streams that we may reset before a connection is given up for new ones. Servers count resets (CVE-2023-44487) and cut connections that bring too many, with every
 * stream of every client in them; Node's own at 1000 in a burst.
 */
export const mostCancelledStreams = 200;
export const podStreamWindowBytes = 256 * 1024;
export const podConnectionWindowBytes = 4 * 1024 * 1024;
export const mostAnswerFieldsBytes = 64 * 1024;
/** No window holds heads back: a server without an end of them would fill the memory of a gateway whose client is slow. */
export const mostInterims = 64;
