{{- define "rouse.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- /* Labels of every object. */ -}}
{{- define "rouse.labels" -}}
app.kubernetes.io/part-of: rouse
{{- end -}}

{{- /* Of the Deployment called .component; its selector too, so never to be changed. */ -}}
{{- define "rouse.component" -}}
app.kubernetes.io/name: rouse
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- /* Not empty where gateways serve TLS. */ -}}
{{- define "rouse.tls" -}}
{{- if or .Values.gateway.tls.default .Values.gateway.tls.secrets }}true{{ end -}}
{{- end -}}

{{- define "rouse.podMetadata" -}}
labels:
  {{- include "rouse.component" . | nindent 2 }}
annotations:
  prometheus.io/scrape: 'true'
  prometheus.io/port: '9090'
  prometheus.io/path: /metrics
  {{- with .root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "rouse.scheduling" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ eq .root.Values.spreadOverNodes "required" | ternary "DoNotSchedule" "ScheduleAnyway" }}
    labelSelector:
      matchLabels:
        {{- include "rouse.component" . | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "rouse.component" . | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end -}}

{{- define "rouse.container" -}}
image: {{ include "rouse.image" .root }}
{{- with .root.Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
startupProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: metrics }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: metrics }
  periodSeconds: 2
  timeoutSeconds: 2
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{- define "rouse.subjects" -}}
- kind: ServiceAccount
  name: rouse-controller
  namespace: rouse-system
{{- end -}}
