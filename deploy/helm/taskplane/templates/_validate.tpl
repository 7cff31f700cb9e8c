{{/*
Rules between values, each with a sentence that says what to do. What one value alone may be is in
values.schema.json.
*/}}
{{- define "taskplane.validate" -}}
{{- $secrets := .Values.secrets -}}
{{- if and (not .Values.postgres.enabled) (not .Values.postgres.host) (not $secrets.databaseUrl.existingSecret) (not $secrets.databaseUrl.value) -}}
{{- fail "\nNo Postgres is named: set postgres.host and secrets.databasePassword, or secrets.databaseUrl. To try Taskplane out, set postgres.enabled=true and redis.enabled=true." -}}
{{- end -}}
{{- if and .Values.postgres.enabled .Values.postgres.host -}}
{{- fail "\npostgres.enabled runs a Postgres in the cluster, and postgres.host names another one: set only one of them." -}}
{{- end -}}
{{- if and .Values.postgres.enabled (or $secrets.databaseUrl.existingSecret $secrets.databaseUrl.value) -}}
{{- fail "\npostgres.enabled runs a Postgres in the cluster, and secrets.databaseUrl is the address of another one: set only one of them." -}}
{{- end -}}
{{- if and (not .Values.redis.enabled) (not .Values.redis.host) -}}
{{- fail "\nNo Redis is named: set redis.host. To try Taskplane out, set redis.enabled=true." -}}
{{- end -}}
{{- if and .Values.redis.enabled .Values.redis.host -}}
{{- fail "\nredis.enabled runs a Valkey in the cluster, and redis.host names another one: set only one of them." -}}
{{- end -}}
{{- if and (hasPrefix "verify" .Values.postgres.sslmode) (not .Values.postgres.caSecret.name) (not .Values.postgres.enabled) -}}
{{- fail (printf "\npostgres.sslmode is %s, which needs the authority that signed the server's certificate: name the Secret with it in postgres.caSecret.name." .Values.postgres.sslmode) -}}
{{- end -}}
{{- if and (not .Values.hosts) (or .Values.ingress.enabled .Values.httpRoute.enabled) -}}
{{- fail "\nThere is a way in and no name: list the names under which people reach Taskplane in hosts." -}}
{{- end -}}
{{- if and .Values.ingress.enabled .Values.httpRoute.enabled -}}
{{- fail "\ningress.enabled and httpRoute.enabled are both true: choose one way in." -}}
{{- end -}}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) -}}
{{- fail "\nhttpRoute.enabled is true and no gateway is named: list it in httpRoute.parentRefs." -}}
{{- end -}}
{{- if and .Values.live.enabled (not .Values.ingress.enabled) (not .Values.httpRoute.enabled) -}}
{{- fail "\nlive.enabled needs something in front that sends /ws/ to it: set ingress.enabled or httpRoute.enabled." -}}
{{- end -}}
{{- if le (int .Values.app.terminationGracePeriodSeconds) (add .Values.app.preStopSeconds (include "taskplane.requestSeconds" .) | int) -}}
{{- fail (printf "\napp.terminationGracePeriodSeconds is %v: it must be more than app.preStopSeconds (%v) and the %s seconds that requests are given." .Values.app.terminationGracePeriodSeconds .Values.app.preStopSeconds (include "taskplane.requestSeconds" .)) -}}
{{- end -}}
{{- include "taskplane.validateSecrets" . -}}
{{- include "taskplane.validateWorkers" . -}}
{{- end -}}

{{- define "taskplane.validateSecrets" -}}
{{- $url := .Values.secrets.databaseUrl -}}
{{- $password := .Values.secrets.databasePassword -}}
{{- if and (or $url.value $url.existingSecret) (or $password.value $password.existingSecret) -}}
{{- fail "\nsecrets.databaseUrl holds the password, and secrets.databasePassword is set, too: set only one of them." -}}
{{- end -}}
{{- range $field, $one := omit .Values.secrets "generate" -}}
{{- if and $one.value $one.existingSecret -}}
{{- fail (printf "\nsecrets.%s has a value and names the Secret %s: set only one of them." $field $one.existingSecret) -}}
{{- end -}}
{{- end -}}
{{- if not .Values.secrets.generate -}}
{{- range $name, $one := include "taskplane.secrets" . | fromJson -}}
{{- if and $one.isOurs (not $one.value) -}}
{{- fail (printf "\n%s is missing and secrets.generate is false: name a Secret of yours that has it, or set its value, under secrets." $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $key := .Values.secrets.djangoSecretKey.value -}}
{{- if and $key (lt (len $key) 50) -}}
{{- fail (printf "\nsecrets.djangoSecretKey.value has %d characters: use 50 random ones or more." (len $key)) -}}
{{- end -}}
{{- $token := .Values.secrets.metricsToken.value -}}
{{- if and $token (lt (len $token) 32) -}}
{{- fail (printf "\nsecrets.metricsToken.value has %d characters: use 32 random ones or more." (len $token)) -}}
{{- end -}}
{{- end -}}

{{- define "taskplane.validateWorkers" -}}
{{- $sets := include "taskplane.workerSets" . | fromJsonArray -}}
{{- if not $sets -}}
{{- fail "\nThere is no worker set: nothing would run a task. Name one under workerSets." -}}
{{- end -}}
{{- $following := list -}}
{{- range $sets -}}
{{- if not (regexMatch "^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$" .name) -}}
{{- fail (printf "\nworkerSets.%s: the name must begin with a lower-case letter, and have at most 20 lower-case letters, digits and hyphens." .name) -}}
{{- end -}}
{{- if gt (int .minimum) (int .maximum) -}}
{{- fail (printf "\nworkerSets.%s: minimum is %v and maximum is %v; the first must not be above the second." .name .minimum .maximum) -}}
{{- end -}}
{{- if and (eq .scaledBy "hpa") (lt (int .minimum) 1) -}}
{{- fail (printf "\nworkerSets.%s: a HorizontalPodAutoscaler keeps at least one worker: set minimum to 1, or scaledBy to keda." .name) -}}
{{- end -}}
{{- if and (ne .scaledBy "hpa") .metrics -}}
{{- fail (printf "\nworkerSets.%s: metrics are for scaledBy hpa, and it is %s." .name .scaledBy) -}}
{{- end -}}
{{- if and (ne .scaledBy "keda") .triggers -}}
{{- fail (printf "\nworkerSets.%s: triggers are for scaledBy keda, and it is %s." .name .scaledBy) -}}
{{- end -}}
{{- if and (has "*" .queues) (gt (len .queues) 1) -}}
{{- fail (printf "\nworkerSets.%s: the queue * means all of them: name no other beside it." .name) -}}
{{- end -}}
{{- if include "taskplane.followsNumber" . -}}
{{- $following = append $following .name -}}
{{- end -}}
{{- if and (eq .scaledBy "autoscaler") (not $.Values.autoscaler.enabled) -}}
{{- fail (printf "\nworkerSets.%s is scaled by the autoscaler, and autoscaler.enabled is false." .name) -}}
{{- end -}}
{{- if and (eq .scaledBy "hpa") (not .metrics) (not $.Values.autoscaler.enabled) -}}
{{- fail (printf "\nworkerSets.%s follows the number that the autoscaler publishes, and autoscaler.enabled is false: set it to true, or name metrics." .name) -}}
{{- end -}}
{{- if and (eq .scaledBy "keda") (not .triggers) -}}
{{- include "taskplane.validateKeda" (dict "root" $ "name" .name) -}}
{{- end -}}
{{- end -}}
{{- if gt (len $following) 1 -}}
{{- fail (printf "\nThe worker sets %s would all follow the one number that the autoscaler publishes: scale one by it, and the others by metrics or triggers of their own, or set scaledBy to fixed." (join ", " $following)) -}}
{{- end -}}
{{- end -}}

{{- define "taskplane.validateKeda" -}}
{{- $keda := .root.Values.keda -}}
{{- if and (not $keda.url) (not .root.Values.hosts) -}}
{{- fail (printf "\nworkerSets.%s is scaled by KEDA, which needs the address of the metric: set hosts, or keda.url." .name) -}}
{{- end -}}
{{- if and .root.Values.secureSSL (hasPrefix "http:" $keda.url) -}}
{{- fail "\nkeda.url begins with http:, and with secureSSL the app answers that with a redirect: use the https address of the Ingress." -}}
{{- end -}}
{{- if not $keda.keySecret.name -}}
{{- fail (printf "\nworkerSets.%s is scaled by KEDA, which needs an API key: name the Secret with it in keda.keySecret." .name) -}}
{{- end -}}
{{- end -}}
