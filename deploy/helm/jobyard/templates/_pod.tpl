{{/* The pod of a service: dict root, name. All have the same form; ports and folders are what tells them apart. */}}

{{- define "jobyard.pod" -}}
{{- $values := .root.Values }}
{{- $service := get $values.services .name }}
{{- $fullname := include "jobyard.fullname" .root }}
{{- $stored := hasKey $service "disk" }}
{{- $showsToken := and (eq .name "executor") (include "jobyard.asksKubelets" .root) }}
metadata:
  labels:
    {{- include "jobyard.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
    {{- with $values.pods.labels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    {{- /* The Secrets are not ours: an upgrade starts the pods anew when what is in them has changed. */}}
    jobyard.io/secrets: {{ include "jobyard.secrets" . }}
    {{- with $values.pods.annotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ $fullname }}-{{ ternary "executor" "service" (eq .name "executor") }}
  automountServiceAccountToken: {{ eq .name "executor" }}
  enableServiceLinks: false # else JOBYARD_GATEWAY_PORT would be an address of the cluster's
  terminationGracePeriodSeconds: {{ $values.pods.terminationGracePeriodSeconds | int64 }}
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with $values.pods.priorityClass }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.pods.nodeSelector }}
  nodeSelector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.pods.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.pods.affinity }}
  affinity: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- if gt (int $service.replicas) 1 }}
  topologySpreadConstraints:
    {{- range $values.pods.topologySpread }}
    - maxSkew: 1
      topologyKey: {{ .topologyKey }}
      whenUnsatisfiable: {{ .whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "jobyard.selector" $.root | nindent 10 }}
          app.kubernetes.io/component: {{ $.name }}
    {{- end }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ $values.security.user | int64 }}
    runAsGroup: {{ $values.security.group | int64 }}
    fsGroup: {{ $values.security.group | int64 }}
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: {{ .name }}
      image: {{ include "jobyard.image" .root | quote }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      args: [services.{{ .name }}]
      env:
        {{- include "jobyard.environment" . | trim | nindent 8 }}
      ports:
        - { name: metrics, containerPort: 9464 }
        {{- if eq .name "gateway" }}
        - { name: http, containerPort: 8080 }
        {{- else if eq .name "endpoints" }}
        - { name: door, containerPort: 8081 }
        {{- if $values.ssh.enabled }}
        - { name: ssh, containerPort: 2222 }
        {{- end }}
        {{- else if eq .name "executor" }}
        - { name: streams, containerPort: 9465 }
        {{- end }}
      startupProbe: # NATS is waited for before anything is served
        httpGet: { path: /healthz, port: metrics }
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: 150
      livenessProbe:
        httpGet: { path: /healthz, port: metrics }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: metrics }
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 3
      {{- if has .name (list "gateway" "endpoints") }}
      lifecycle: # until whoever sends requests here has heard of it
        preStop: { sleep: { seconds: 5 } }
      {{- end }}
      resources: {{ toYaml $service.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: temporary, mountPath: /tmp }
        - { name: {{ ternary "data" "temporary" $stored }}, mountPath: /var/lib/jobyard{{ ternary "" ", subPath: data" $stored }} }
        {{- if has .name (list "executor" "endpoints") }}
        {{- range $path, $folder := include "jobyard.folders" .root | fromYaml }}
        - name: {{ include "jobyard.volume" $path }}
          mountPath: {{ $path | quote }}
          {{- with $folder.subPath }}
          subPath: {{ . | quote }}
          {{- end }}
          {{- if $folder.readOnly }}
          readOnly: true
          {{- end }}
        {{- end }}
        {{- end }}
        {{- if $showsToken }}
        - { name: kubelets, mountPath: /etc/jobyard/kubelets, readOnly: true }
        {{- end }}
        {{- if $values.authority.configMap }}
        - { name: authority, mountPath: /etc/jobyard/authority, readOnly: true }
        {{- end }}
  volumes:
    - name: temporary
      emptyDir: { sizeLimit: 1Gi }
    {{- if has .name (list "executor" "endpoints") }}
    {{- range $path, $folder := include "jobyard.folders" .root | fromYaml }}
    - name: {{ include "jobyard.volume" $path }}
      persistentVolumeClaim: { claimName: {{ $folder.claim | quote }}{{ if $folder.readOnly }}, readOnly: true{{ end }} }
    {{- end }}
    {{- end }}
    {{- if $showsToken }}
    - name: kubelets
      secret: { secretName: {{ $fullname }}-kubelets }
    {{- end }}
    {{- if $values.authority.configMap }}
    - name: authority
      configMap: { name: {{ $values.authority.configMap | quote }} }
    {{- end }}
{{- end }}

{{/* The name of the volume at a path. */}}
{{- define "jobyard.volume" -}}
storage-{{ . | sha256sum | trunc 8 }}
{{- end }}

{{/* A sum over the Secrets that the service reads, where the cluster can be asked: dict root, name. */}}
{{- define "jobyard.secrets" -}}
{{- $values := .root.Values }}
{{- $names := list $values.nats.secret $values.mongo.secret $values.metricsToken.secret }}
{{- if eq .name "gateway" }}{{ $names = concat $names (list $values.secretKey.secret $values.admin.secret) }}{{ end }}
{{- range (get $values.services .name).secrets }}{{ $names = append $names .secret }}{{ end }}
{{- $sums := list }}
{{- range $names | compact | uniq | sortAlpha }}
{{- $found := lookup "v1" "Secret" $.root.Release.Namespace . }}
{{- $sums = append $sums (get ($found | default dict) "data" | toJson) }}
{{- end }}
{{- join "," $sums | sha256sum }}
{{- end }}
