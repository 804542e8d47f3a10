// Package config has the names of knative.dev/networking that knative.dev/serving's autoscaler needs to compile; nothing here is run.
package config

type HTTPProtocol string

const (
	HTTPEnabled    HTTPProtocol = "enabled"
	HTTPDisabled   HTTPProtocol = "disabled"
	HTTPRedirected HTTPProtocol = "redirected"
)

type EncryptionConfig string

const EncryptionEnabled EncryptionConfig = "enabled"

type MeshCompatibilityMode string

const (
	MeshCompatibilityModeAuto     MeshCompatibilityMode = "auto"
	MeshCompatibilityModeEnabled  MeshCompatibilityMode = "enabled"
	MeshCompatibilityModeDisabled MeshCompatibilityMode = "disabled"
)

type Config struct {
	HTTPProtocol                  HTTPProtocol
	ExternalDomainTLS             bool
	ClusterLocalDomainTLS         EncryptionConfig
	NamespaceWildcardCertSelector *struct{}
}

func (*Config) SystemInternalTLSEnabled() bool { panic("a stand-in") }
