{{- /* Only what differs from the operator's own defaults. */ -}}
{{- define "dbfo.env" -}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.namespace}}
{{- with include "dbfo.namespaces" . }}
- {name: DBFO_NAMESPACES, value: {{ . | quote }}}
{{- end }}
{{- $name := include "dbfo.fullname" . }}
{{- if ne $name "database-failover-operator" }}
- {name: DBFO_LEASE_NAME, value: {{ $name | quote }}}
{{- end }}
{{- if ne .Values.logLevel "info" }}
- {name: DBFO_LOG_LEVEL, value: {{ .Values.logLevel | quote }}}
{{- end }}
{{- with .Values.region }}
- {name: DBFO_REGION, value: {{ . | quote }}}
{{- end }}
{{- with .Values.deniedCidrs }}
- {name: DBFO_DENIED_CIDRS, value: {{ join "," . | quote }}}
{{- end }}
{{- if ne .Values.clusterDomain "cluster.local" }}
- {name: DBFO_CLUSTER_DOMAIN, value: {{ .Values.clusterDomain | quote }}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
