// Package semconv has the names of knative.dev/pkg that knative.dev/serving's autoscaler needs to compile; nothing here is run.
package semconv

import "go.opentelemetry.io/otel/attribute"

func K8SNamespaceName(name string) attribute.KeyValue {
	return attribute.String("k8s.namespace.name", name)
}
