module knative.dev/networking

go 1.26

require knative.dev/pkg v0.0.0-20261026113028-cfa0ac991c5a
