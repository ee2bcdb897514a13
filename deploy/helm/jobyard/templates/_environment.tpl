{{/* What a service finds in its environment: dict root, name. Each has its own NATS password, and nobody else's. */}}

{{- define "jobyard.environment" -}}
{{- $values := .root.Values }}
{{- $service := get $values.services .name }}
{{- $fullname := include "jobyard.fullname" .root }}
- name: JOBYARD_NATS_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $values.nats.secret | quote }}, key: JOBYARD_NATS_{{ upper .name }}_PASSWORD } }
- name: JOBYARD_NATS_URL
  value: {{ include "jobyard.natsUrl" . | quote }}
{{- if has .name (list "jobs" "gateway" "endpoints" "metrics" "notify") }}
- name: JOBYARD_MONGO_URL
  valueFrom: { secretKeyRef: { name: {{ $values.mongo.secret | quote }}, key: {{ get $values.mongo.keys .name | default $values.mongo.key | quote }} } }
{{- end }}
{{- if $values.metricsToken.secret }}
- name: JOBYARD_METRICS_TOKEN
  valueFrom: { secretKeyRef: { name: {{ $values.metricsToken.secret | quote }}, key: {{ $values.metricsToken.key | quote }} } }
{{- end }}
{{- if eq .name "gateway" }}
- name: JOBYARD_GATEWAY_SECRET_KEY
  valueFrom: { secretKeyRef: { name: {{ $values.secretKey.secret | quote }}, key: {{ $values.secretKey.key | quote }} } }
- name: JOBYARD_GATEWAY_ADMIN_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $values.admin.secret | quote }}, key: {{ $values.admin.key | quote }} } }
{{- end }}
{{- range $name, $from := $service.secrets }}
- name: {{ $name }}
  valueFrom: { secretKeyRef: { name: {{ $from.secret | quote }}, key: {{ $from.key | quote }} } }
{{- end }}
{{- if eq .name "executor" }}
- name: JOBYARD_EXECUTOR_STREAM_HOST
  valueFrom: { fieldRef: { fieldPath: status.podIP } }
{{- end }}
{{- $plain := include "jobyard.settings" . | fromYaml }}
{{- range $name, $value := mergeOverwrite $plain (deepCopy $values.env) (deepCopy $service.env) }}
- name: {{ $name }}
  value: {{ include "jobyard.text" $value | quote }}
{{- end }}
{{- end }}

{{/* A value as it was written. Helm reads every number as a float, and would write a million as 1e+06. */}}
{{- define "jobyard.text" -}}
{{- if not (kindIs "float64" .) }}{{ . | toString }}{{ else if eq . (floor .) }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{- define "jobyard.natsUrl" -}}
{{- $scheme := ternary "tls" "nats" .root.Values.nats.tls }}
{{- $urls := list }}
{{- range .root.Values.nats.servers }}
{{- $urls = append $urls (printf "%s://%s:$(JOBYARD_NATS_PASSWORD)@%s" $scheme $.name .) }}
{{- end }}
{{- join "," $urls }}
{{- end }}

{{/* What the chart itself sets, as a map; `env` of the values has the last word. */}}
{{- define "jobyard.settings" -}}
{{- $values := .root.Values }}
{{- $fullname := include "jobyard.fullname" .root }}
JOBYARD_DATA: /var/lib/jobyard
JOBYARD_HEALTH_HOST: 0.0.0.0
JOBYARD_HEALTH_PORT: "9464"
JOBYARD_LOG_FORMAT: json
JOBYARD_NATS_REPLICAS: {{ $values.nats.replicas | int64 | quote }}
JOBYARD_STORAGE_FOLDER: {{ $values.storage.path | quote }}
{{- if $values.authority.configMap }}
SSL_CERT_FILE: /etc/jobyard/authority/ca.crt
{{- end }}
{{- $roots := list }}
{{- range $path, $_ := $values.storage.more }}{{ $roots = append $roots $path }}{{ end }}
{{- if $roots }}
JOBYARD_PATH_ROOTS: {{ join ":" $roots | quote }}
{{- end }}
{{- if eq .name "gateway" }}
JOBYARD_GATEWAY_HOST: 0.0.0.0
JOBYARD_GATEWAY_TRUSTED_HOSTS: {{ include "jobyard.gatewayHosts" .root | quote }}
{{- with $values.ingress.proxies }}
JOBYARD_GATEWAY_TRUSTED_PROXIES: {{ join "," . | quote }}
{{- end }}
{{- with $values.registries.asked }}
JOBYARD_GATEWAY_REGISTRIES: {{ join "," . | quote }}
{{- end }}
{{- with $values.registries.networks }}
JOBYARD_GATEWAY_REGISTRY_NETWORKS: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- if has .name (list "gateway" "endpoints") }}
{{- with include "jobyard.doorUrl" .root }}
JOBYARD_ENDPOINTS_PUBLIC_URL: {{ . }}
{{- end }}
{{- end }}
{{- if eq .name "endpoints" }}
JOBYARD_ENDPOINTS_HOST: 0.0.0.0
{{- if not $values.ssh.enabled }}
JOBYARD_ENDPOINTS_SSH_PORT: "0"
{{- end }}
{{- with $values.ssh.host }}
JOBYARD_ENDPOINTS_SSH_HOST: {{ . | quote }}
{{- end }}
JOBYARD_ENDPOINTS_SSH_PUBLIC_PORT: {{ include "jobyard.sshPort" .root | quote }}
{{- with $values.ingress.proxies }}
JOBYARD_ENDPOINTS_TRUSTED_PROXIES: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- if eq .name "executor" }}
{{- include "jobyard.runs" .root }}
{{- end }}
{{- end }}

{{/* Folders of jobs by their paths: `storage` and its `more`, each with `claim`, and perhaps `runsClaim` and `subPath`. */}}
{{- define "jobyard.folders" -}}
{{- $own := pick .Values.storage "claim" "runsClaim" "subPath" }}
{{- merge (dict .Values.storage.path $own) .Values.storage.more | toYaml }}
{{- end }}

{{- define "jobyard.runs" }}
{{- with .Values.runs }}
{{- $storage := dict }}
{{- range $path, $folder := include "jobyard.folders" $ | fromYaml }}
{{- $there := dict "claim" ($folder.runsClaim | default $folder.claim) }}
{{- with $folder.subPath }}{{ $there = set $there "sub_path" . }}{{ end }}
{{- if $folder.readOnly }}{{ $there = set $there "read_only" true }}{{ end }}
{{- $storage = set $storage $path $there }}
{{- end }}
JOBYARD_EXECUTOR_BACKEND: kubernetes
JOBYARD_EXECUTOR_NODE: {{ .executor | quote }}
JOBYARD_EXECUTOR_STREAM_PORT: "9465"
{{- with .registries }}
JOBYARD_EXECUTOR_REGISTRIES: {{ join "," . | quote }}
{{- end }}
JOBYARD_EXECUTOR_KUBERNETES_NAMESPACES: {{ .namespacePrefix | quote }}
JOBYARD_EXECUTOR_KUBERNETES_CREATE_NAMESPACES: {{ .createNamespaces | quote }}
{{- if .createNamespaces }}
{{- $existing := list }}
{{- range .virtualClusters }}{{ $existing = append $existing (include "jobyard.namespace" (dict "root" $ "vc" .)) }}{{ end }}
JOBYARD_EXECUTOR_KUBERNETES_EXISTING_NAMESPACES: {{ $existing | toJson | quote }}
{{- end }}
JOBYARD_EXECUTOR_KUBERNETES_IMAGE: {{ .image | quote }}
JOBYARD_EXECUTOR_KUBERNETES_PULL_POLICY: {{ .pullPolicy | quote }}
JOBYARD_EXECUTOR_KUBERNETES_PULL_SECRETS: {{ .pullSecrets | toJson | quote }}
JOBYARD_EXECUTOR_KUBERNETES_STORAGE: {{ $storage | toJson | quote }}
JOBYARD_EXECUTOR_KUBERNETES_DEVICES: {{ .devices | toJson | quote }}
JOBYARD_EXECUTOR_KUBERNETES_LIMIT_CPUS: {{ .limitCpus | quote }}
JOBYARD_EXECUTOR_KUBERNETES_MEMORY_MIB: {{ .memoryMib | int64 | quote }}
JOBYARD_EXECUTOR_KUBERNETES_DISK_MIB: {{ .diskMib | int64 | quote }}
JOBYARD_EXECUTOR_KUBERNETES_SHARED_MEMORY_MIB: {{ .sharedMemoryMib | int64 | quote }}
JOBYARD_EXECUTOR_KUBERNETES_USER: {{ $.Values.security.user | int64 | quote }}
JOBYARD_EXECUTOR_KUBERNETES_GROUP: {{ $.Values.security.group | int64 | quote }}
JOBYARD_EXECUTOR_KUBERNETES_IMAGE_GROUPS: {{ .imageGroups | quote }}
JOBYARD_EXECUTOR_KUBERNETES_READ_ONLY_ROOT: {{ .readOnlyRoot | quote }}
JOBYARD_EXECUTOR_KUBERNETES_PRIORITY_CLASS: {{ .priorityClass | quote }}
JOBYARD_EXECUTOR_KUBERNETES_RUNTIME_CLASS: {{ .runtimeClass | quote }}
JOBYARD_EXECUTOR_KUBERNETES_LABELS: {{ .labels | toJson | quote }}
JOBYARD_EXECUTOR_KUBERNETES_ANNOTATIONS: {{ .annotations | toJson | quote }}
JOBYARD_EXECUTOR_KUBERNETES_NODE_LABELS: {{ .nodeLabels | toJson | quote }}
JOBYARD_EXECUTOR_KUBERNETES_TOLERATIONS: {{ .tolerations | toJson | quote }}
JOBYARD_EXECUTOR_KUBERNETES_PATIENCE_S: {{ include "jobyard.text" .patienceS | quote }}
JOBYARD_EXECUTOR_KUBERNETES_PLUGINS_SAY: {{ .pluginsSay | toJson | quote }}
JOBYARD_EXECUTOR_KUBERNETES_START_S: {{ include "jobyard.text" .startS | quote }}
JOBYARD_EXECUTOR_KUBERNETES_RANK_TABLE_S: {{ include "jobyard.text" .rankTableS | quote }}
JOBYARD_EXECUTOR_KUBERNETES_QUOTAS: {{ .quotas | toJson | quote }}
JOBYARD_EXECUTOR_KUBERNETES_NETWORK_POLICIES: {{ .networkPolicies | quote }}
JOBYARD_EXECUTOR_KUBERNETES_REACH: {{ .reach | toJson | quote }}
JOBYARD_EXECUTOR_KUBERNETES_CALLERS: {{ .callers | toJson | quote }}
{{- with .dns }}
JOBYARD_EXECUTOR_KUBERNETES_DNS: {{ . | toJson | quote }}
{{- end }}
JOBYARD_EXECUTOR_KUBERNETES_DOMAIN: {{ .domain | quote }}
JOBYARD_EXECUTOR_KUBERNETES_USAGE: {{ .usage | quote }}
JOBYARD_EXECUTOR_KUBERNETES_KUBELETS: {{ .kubelets | quote }}
{{- if include "jobyard.asksKubelets" $ }}
JOBYARD_EXECUTOR_KUBERNETES_KUBELET_TOKEN_FILE: /etc/jobyard/kubelets/token
{{- end }}
{{- with .prometheus }}
JOBYARD_EXECUTOR_KUBERNETES_PROMETHEUS: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* How people reach the door of jobs: without an ingress by the port that NOTES.txt has them forward; none: not at all. */}}
{{- define "jobyard.doorUrl" -}}
{{- if not (include "jobyard.doorIsShut" .) }}
{{- if not .Values.ingress.enabled }}http://127.0.0.1:8081{{ else if .Values.ingress.doorHost }}https://{{ .Values.ingress.doorHost }}{{ end }}
{{- end }}
{{- end }}

{{/* Whether the settings say that there is none. */}}
{{- define "jobyard.doorIsShut" -}}
{{- $said := mergeOverwrite (dict) (deepCopy .Values.env) (deepCopy .Values.services.endpoints.env) }}
{{- if eq (get $said "JOBYARD_ENDPOINTS_HTTP_PORT" | toString) "0" }}true{{ end }}
{{- end }}

{{/* The port in the SSH lines that people are shown; 0: nobody knows of a host to name there. */}}
{{- define "jobyard.sshPort" -}}
{{- if not .Values.ssh.host }}0{{ else if eq .Values.ssh.type "NodePort" }}{{ int64 .Values.ssh.nodePort }}{{ else }}{{ int64 .Values.ssh.port }}{{ end }}
{{- end }}

{{- define "jobyard.gatewayHosts" -}}
{{- $service := printf "%s-gateway" (include "jobyard.fullname" .) }}
{{- $hosts := list $service (printf "%s.%s" $service .Release.Namespace) (printf "%s.%s.svc" $service .Release.Namespace) }}
{{- with .Values.ingress.host }}{{ $hosts = append $hosts . }}{{ end }}
{{- join "," $hosts }}
{{- end }}
