// Package attributekey has the names of knative.dev/pkg that knative.dev/serving's autoscaler needs to compile; nothing here is run.
package attributekey

import "go.opentelemetry.io/otel/attribute"

type String string

func (key String) With(value string) attribute.KeyValue {
	return attribute.String(string(key), value)
}
