// Package header has the names of knative.dev/networking that knative.dev/serving's autoscaler needs to compile; nothing here is run.
package header

const ProtobufMIMEType = "application/protobuf"
