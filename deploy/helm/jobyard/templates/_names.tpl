{{/* What things are called, and the labels by which they are found. */}}

{{- define "jobyard.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "jobyard.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "jobyard.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "jobyard.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "jobyard.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* Of everything: nothing here changes with an upgrade but the version. */}}
{{- define "jobyard.labels" -}}
{{ include "jobyard.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* By which pods of this release are found; never changes. */}}
{{- define "jobyard.selector" -}}
app.kubernetes.io/name: {{ include "jobyard.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The namespace of a virtual cluster, as services/executor/domain/pod_names.py names it: dict root, vc. */}}
{{- define "jobyard.namespace" -}}
{{- $plain := .vc | lower | replace "_" "-" | trimAll "-" }}
{{- $name := printf "%s%s" .root.Values.runs.namespacePrefix $plain }}
{{- if and (eq $plain .vc) (le (len $name) 63) (not (regexMatch "-[0-9a-f]{10}$" .vc)) }}
{{- $name }}
{{- else }}
{{- printf "%s-%s" ($name | trunc 52 | trimSuffix "-") (.vc | sha256sum | trunc 10) }}
{{- end }}
{{- end }}

{{/* `true` where the executor asks kubelets themselves, with the token of an account of its own. */}}
{{- define "jobyard.asksKubelets" -}}
{{- with .Values.runs }}{{ if and (has .usage (list "summary" "cadvisor")) (eq .kubelets "direct") }}true{{ end }}{{ end }}
{{- end }}

{{- define "jobyard.selectorLine" }} app.kubernetes.io/name: {{ include "jobyard.name" . }}, app.kubernetes.io/instance: {{ .Release.Name }}{{ end }}
