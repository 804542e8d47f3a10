// Package networking has the names of knative.dev/networking that knative.dev/serving's autoscaler needs to compile; nothing here is run.
package networking

import (
	"context"

	"knative.dev/pkg/apis"
)

const GroupName = "networking.internal.knative.dev"

type ProtocolType string

func (ProtocolType) Validate(context.Context) *apis.FieldError { panic("a stand-in") }

func GetHTTPProtocol(map[string]string) string { panic("a stand-in") }
