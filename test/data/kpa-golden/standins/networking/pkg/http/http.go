// Package http has the names of knative.dev/networking that knative.dev/serving's autoscaler needs to compile; nothing here is run.
package http

import "net/http"

func IsPotentialMeshErrorResponse(*http.Response) bool { panic("a stand-in") }
