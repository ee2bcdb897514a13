{{/* At which ports a service asks others, by the values that name them. What a NetworkPolicy counts is the port of the pod
in the end: where a Service maps it to another, `networkPolicy` says that one too. */}}

{{/* Rules of a NetworkPolicy for the ports at which a service asks others than the platform: dict root, name. */}}
{{- define "jobyard.outsidePorts" -}}
{{- $values := .root.Values }}
{{- $said := mergeOverwrite (dict) (deepCopy $values.env) (deepCopy (get $values.services .name).env) }}
{{- $urls := list (get $said "JOBYARD_OTLP_URL") }}
{{- $ports := get $values.networkPolicy.outsidePorts .name | default list }}
{{- if has .name (list "gateway" "metrics") }}
{{- $urls = append $urls (get $said "JOBYARD_PROMETHEUS_URL") }}
{{- end }}
{{- if eq .name "gateway" }}
{{- $urls = concat $urls (list (get $said "JOBYARD_GATEWAY_GRAFANA_URL") (get $said "JOBYARD_GATEWAY_OIDC_ISSUER")) }}
{{- range without $values.registries.asked "none" }}
{{- $urls = append $urls (ternary . (printf "https://%s" .) (hasPrefix "http://" .)) }}
{{- end }}
{{- end }}
{{- if eq .name "executor" }}
{{- $urls = append $urls $values.runs.prometheus }}
{{- end }}
{{- if and (eq .name "notify") (get $said "JOBYARD_NOTIFY_SMTP_HOST") }}
{{- $usual := get (dict "none" 25 "starttls" 587 "tls" 465) (get $said "JOBYARD_NOTIFY_SMTP_TLS" | default "starttls") }}
{{- $ports = append $ports (get $said "JOBYARD_NOTIFY_SMTP_PORT" | default $usual) }}
{{- end }}
{{- range compact $urls }}
{{- $ports = append $ports (include "jobyard.portOf" .) }}
{{- end }}
{{- include "jobyard.portRules" $ports }}
{{- end }}

{{/* The same for the servers of NATS. */}}
{{- define "jobyard.natsPorts" -}}
{{- $ports := .Values.networkPolicy.natsPorts }}
{{- range .Values.nats.servers }}
{{- $ports = append $ports (include "jobyard.portOf" (printf "nats://%s" .)) }}
{{- end }}
{{- include "jobyard.portRules" $ports }}
{{- end }}

{{/* The same for the executor's cluster: its API server, and kubelets where they are asked themselves. */}}
{{- define "jobyard.clusterPorts" -}}
{{- $ports := .Values.networkPolicy.apiServerPorts }}
{{- if include "jobyard.asksKubelets" . }}
{{- $ports = append $ports .Values.runs.kubeletPort }}
{{- end }}
{{- include "jobyard.portRules" $ports }}
{{- end }}

{{/* Of a URL. */}}
{{- define "jobyard.portOf" -}}
{{- $url := urlParse . }}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "80" "443" (eq $url.scheme "http")) }}
{{- end }}

{{- define "jobyard.portRules" -}}
{{- $rules := list }}
{{- range . }}{{ $rules = append $rules (dict "port" (int64 .)) }}{{ end }}
{{- with $rules | uniq }}{{ toYaml . }}{{ end }}
{{- end }}
