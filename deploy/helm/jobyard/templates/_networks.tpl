{{/* `true` for an IPv4 address in a network, `10.0.0.1/8`, where the network itself has to be named, `10.0.0.0/8`. */}}
{{- define "jobyard.isInside" -}}
{{- if not (contains ":" .) }}
{{- $address := 0 }}
{{- range splitList "." (regexReplaceAll "/.*" . "") }}{{ $address = add (mul $address 256) (int64 .) }}{{ end }}
{{- $size := 1 }}
{{- range until (sub 32 (int64 (regexReplaceAll ".*/" . "")) | int) }}{{ $size = mul $size 2 }}{{ end }}
{{- if mod $address $size }}true{{ end }}
{{- end }}
{{- end }}
