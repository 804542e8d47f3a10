// Package runtime has the names of knative.dev/pkg that knative.dev/serving's autoscaler needs to compile; nothing here is run.
package runtime

const ProfilingDefaultPort = 8008
