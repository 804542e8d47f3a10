// Package v1alpha1 has the names of knative.dev/networking that knative.dev/serving's autoscaler needs to compile; nothing here is run.
package v1alpha1

type HTTPOption string

const (
	HTTPOptionEnabled    HTTPOption = "Enabled"
	HTTPOptionRedirected HTTPOption = "Redirected"
)
