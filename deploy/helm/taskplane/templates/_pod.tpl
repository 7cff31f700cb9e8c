{{/*
Where a pod may run and where its image comes from, for every pod of the chart. Arguments: root,
placement (that of a worker set).
*/}}
{{- define "taskplane.placement" -}}
{{- $values := .root.Values -}}
{{- $placement := default $values .placement -}}
{{- with $values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $placement.priorityClassName | default $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $placement.nodeSelector | default $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $placement.tolerations | default $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $placement.affinity | default $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
What all pods with our image have. Arguments: root, component, set, account (without the first part of
its name), hasToken, waits (false: not for the schema), secretsOf (another Secret with the chart's own
secrets), placement (that of a worker set).
*/}}
{{- define "taskplane.podSpec" -}}
{{- $values := .root.Values -}}
serviceAccountName: {{ default (include "taskplane.fullname" .root) .accountName }}
automountServiceAccountToken: {{ default false .hasToken }}
# A Service named `redis` would otherwise set REDIS_PORT to an address.
enableServiceLinks: false
securityContext:
  {{- include "taskplane.podSecurity" (dict "userId" (include "taskplane.userId" .)) | nindent 2 }}
{{- include "taskplane.placement" . }}
{{- if .spreads }}
{{- $selector := include "taskplane.selector" . }}
{{- with $values.topologySpread }}
{{- if .enabled }}
topologySpreadConstraints:
  {{- $unsatisfiable := .whenUnsatisfiable }}
  {{- range .keys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $unsatisfiable }}
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .waits (eq (include "taskplane.migrateBy" .root) "job") }}
initContainers:
  # A Job beside this pod makes the schema.
  - name: wait-for-schema
    {{- include "taskplane.containerBase" . | nindent 4 }}
    command:
      - sh
      - -c
      - >-
        until found="$(python manage.py migrate --check 2>&1)";
        do echo "Waiting for the schema: $(echo "$found" | tail -n 1)"; sleep 2; done
    resources:
      {{- toYaml $values.migrate.resources | nindent 6 }}
{{- end }}
volumes:
  {{- include "taskplane.secretVolume" (dict "root" .root "own" .secretsOf) | nindent 2 }}
  - name: home
    emptyDir:
      sizeLimit: {{ $values.storage.homeSizeLimit }}
  - name: tmp
    emptyDir:
      sizeLimit: {{ $values.storage.tmpSizeLimit }}
  {{- with $values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Image, variables and folders of a container. Arguments: as above, and image, env (a list). */}}
{{- define "taskplane.containerBase" -}}
{{- /* A variable is named once: the narrower list wins, and a value replaces a file. */ -}}
{{- $narrow := list -}}
{{- range .env }}{{ $narrow = append $narrow .name }}{{ end -}}
{{- $given := list -}}
{{- range .env }}{{ $given = append $given (trimSuffix "_FILE" .name) }}{{ end -}}
{{- range .root.Values.extraEnv }}{{ $given = append $given (trimSuffix "_FILE" .name) }}{{ end -}}
image: {{ include "taskplane.image" (dict "root" .root "image" .image) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- include "taskplane.containerSecurity" . | nindent 2 }}
{{- if .ownConfig }}
env:
  {{- range $name, $value := include "taskplane.config" .root | fromYaml }}
  {{- if not (has (trimSuffix "_FILE" $name) $given) }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
  {{- end }}
{{- else }}
envFrom:
  - configMapRef:
      name: {{ include "taskplane.fullname" .root }}-config
env:
{{- end }}
  - name: HOME
    value: /var/lib/taskplane
  {{- with .env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- range .root.Values.extraEnv }}
  {{- if not (has .name $narrow) }}
  {{- list . | toYaml | nindent 2 }}
  {{- end }}
  {{- end }}
volumeMounts:
  - name: secrets
    mountPath: {{ include "taskplane.secretsFolder" .root }}
    readOnly: true
  - name: home
    mountPath: /var/lib/taskplane
  - name: tmp
    mountPath: /tmp
  {{- with .root.Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* metadata of a pod of a Deployment. Arguments: root, component, set. */}}
{{- define "taskplane.podMetadata" -}}
labels:
  {{- include "taskplane.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  app.kubernetes.io/part-of: taskplane
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  # A change of the settings starts the pods again; a change in a Secret of yours does not.
  checksum/config: {{ include "taskplane.config" .root | sha256sum }}
  checksum/secrets: {{ .root.Values.secrets | toJson | sha256sum }}
  {{- with .root.Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* metadata of a pod that ends, or of a server. Arguments: root, component. */}}
{{- define "taskplane.plainPodMetadata" -}}
labels:
  {{- include "taskplane.selector" . | nindent 2 }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .root.Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Probes over HTTP. Arguments: port, live, ready (paths), host: the value of the header. */}}
{{- define "taskplane.httpProbes" -}}
startupProbe:
  httpGet:
    path: {{ .live }}
    port: {{ .port }}
    {{- include "taskplane.probeHost" . | nindent 4 }}
  periodSeconds: 2
  failureThreshold: 60
  timeoutSeconds: 5
livenessProbe:
  httpGet:
    path: {{ .live }}
    port: {{ .port }}
    {{- include "taskplane.probeHost" . | nindent 4 }}
  periodSeconds: 10
  failureThreshold: 6
  timeoutSeconds: 5
readinessProbe:
  httpGet:
    path: {{ .ready }}
    port: {{ .port }}
    {{- include "taskplane.probeHost" . | nindent 4 }}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{- define "taskplane.probeHost" -}}
{{- if .host -}}
httpHeaders:
  - name: Host # the pod's address is not in ALLOWED_HOSTS of every component
    value: {{ .host }}
{{- end -}}
{{- end -}}

{{/* Probes of a component without a port: its loop turns. Argument: the component's name. */}}
{{- define "taskplane.pulseProbes" -}}
startupProbe:
  exec:
    command: ["python", "docker/healthcheck.py", {{ . | quote }}]
  periodSeconds: 5
  failureThreshold: 36
  timeoutSeconds: 10
livenessProbe:
  exec:
    command: ["python", "docker/healthcheck.py", {{ . | quote }}]
  periodSeconds: 20
  failureThreshold: 3
  timeoutSeconds: 10
readinessProbe:
  exec:
    command: ["python", "docker/healthcheck.py", {{ . | quote }}]
  periodSeconds: 20
  timeoutSeconds: 10
{{- end -}}

{{/* A proxy learns a moment later than the pod that the pod ends: until then it still serves. */}}
{{- define "taskplane.leaveService" -}}
{{- with .Values.app.preStopSeconds -}}
lifecycle:
  preStop:
    exec:
      command: ["sleep", {{ . | quote }}]
{{- end -}}
{{- end -}}
