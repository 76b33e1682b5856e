package configcheck

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// A kind is a kind of configuration with the function that checks it. The zero value means a
// document of an unknown kind.
type kind struct {
	name  string
	check func(*checker, *yaml.Node)
}

// kindOf detects the kind of a document by keys that only this kind has. It ignores
// metrics_generator and metricsGenerator: people often write one of them in place of the other.
func kindOf(root *yaml.Node) kind {
	switch {
	case !isMapping(root):
		return kind{}
	case has(root, "apiVersion") && has(root, "kind"):
		return kind{"Kubernetes manifest", (*checker).manifest}
	case has(root, "apiVersion") && has(root, "datasources"):
		return kind{"data sources of Grafana", (*checker).dataSources}
	case isCompose(root):
		return kind{"Docker Compose file", (*checker).compose}
	case isMapping(get(root, "prometheus", "prometheusSpec").value):
		return kind{"Helm values of kube-prometheus-stack", (*checker).prometheusStackValues}
	case isSingleValues(get(root, "tempo").value):
		return kind{"Helm values of tempo", (*checker).singleValues}
	case isDistributedValues(root):
		return kind{"Helm values of tempo-distributed", (*checker).distributedValues}
	case isPrometheusValues(root):
		return kind{"Helm values of prometheus", (*checker).prometheusValues}
	case isCollector(get(root, "config").value) && !isCollector(root):
		return kind{"Helm values of opentelemetry-collector", (*checker).collectorValues}
	case isTenants(root):
		return kind{"per-tenant overrides of Tempo", (*checker).tenantFile}
	case isTempo(root):
		return kind{"configuration of Tempo", (*checker).tempo}
	case isCollector(root):
		return kind{"configuration of the Collector", (*checker).collector}
	case anyOf(root, "scrape_configs", "rule_files", "remote_write") || has(root, "global", "scrape_interval"):
		return kind{name: "configuration of Prometheus", check: func(*checker, *yaml.Node) {}}
	}
	for _, f := range fields(root) { // the values of a chart with other charts as dependencies
		if k := kindOf1(f.value); strings.HasPrefix(k.name, "Helm values") {
			return kind{"Helm values of a chart with dependencies", (*checker).umbrellaValues}
		}
	}
	return kind{}
}

// kindOf1 is kindOf for the values of a dependency, which have no dependencies.
func kindOf1(n *yaml.Node) kind {
	n = resolve(n)
	if !isMapping(n) || has(n, "apiVersion") {
		return kind{}
	}
	switch {
	case isMapping(get(n, "prometheus", "prometheusSpec").value), isDistributedValues(n), isSingleValues(get(n, "tempo").value),
		isPrometheusValues(n), isCollector(get(n, "config").value):
		return kindOf(n)
	}
	return kind{}
}

func (c *checker) umbrellaValues(root *yaml.Node) {
	for _, f := range fields(root) {
		if k := kindOf1(f.value); k.check != nil {
			k.check(c, resolve(f.value))
		}
	}
}

func isCompose(root *yaml.Node) bool {
	for _, f := range fields(get(root, "services").value) {
		if has(f.value, "image") || has(f.value, "build") {
			return true
		}
	}
	return false
}

// isDistributedValues reports whether a mapping holds values of the chart tempo-distributed. In
// these values, a component has camelCase settings of Kubernetes beside its configuration.
func isDistributedValues(n *yaml.Node) bool {
	if anyOf(n, "queryFrontend", "global_overrides", "per_tenant_overrides", "liveStore", "blockBuilder", "backendScheduler", "backendWorker") ||
		has(n, "tempo", "structuredConfig") || isMapping(get(n, "traces", "otlp").value) {
		return true
	}
	if has(n, "metricsGenerator", "enabled") || has(n, "metricsGenerator", "config") {
		return true
	}
	for _, component := range []string{"distributor", "ingester", "querier", "compactor", "metrics_generator"} {
		f := get(n, component).value
		if anyOf(f, "replicas", "config", "resources", "autoscaling", "persistence", "enabled") {
			return true
		}
	}
	return false
}

// isSingleValues reports whether a mapping is the key tempo in values of the chart tempo, which
// runs all components in one process.
func isSingleValues(tempo *yaml.Node) bool {
	return anyOf(tempo, "metricsGenerator", "metrics_generator", "receivers", "retention", "overrides", "global_overrides", "per_tenant_overrides", "reportingEnabled", "queryFrontend", "storage")
}

func isPrometheusValues(n *yaml.Node) bool {
	server := get(n, "server").value
	return isMapping(server) && (anyOf(server, "extraFlags", "extraArgs", "persistentVolume", "retention", "global", "statefulSet", "service", "ingress") ||
		anyOf(n, "serverFiles", "alertmanager", "prometheus-pushgateway", "kube-state-metrics", "prometheus-node-exporter"))
}

func isCollector(n *yaml.Node) bool {
	if !isMapping(n) {
		return false
	}
	if has(n, "service", "pipelines") {
		return true
	}
	for _, section := range []string{"receivers", "exporters"} {
		for _, f := range fields(get(n, section).value) {
			if typ, _, _ := strings.Cut(f.key.Value, "/"); collectorTypes[typ] {
				return true
			}
		}
	}
	return false
}

// collectorTypes are common types of receivers and exporters of the Collector.
var collectorTypes = map[string]bool{
	"otlp": true, "otlp_grpc": true, "otlp_http": true, "otlphttp": true, "debug": true, "logging": true, "jaeger": true, "zipkin": true,
	"prometheus": true, "prometheusremotewrite": true, "kafka": true, "file": true, "hostmetrics": true, "loadbalancing": true,
}

func isTempo(n *yaml.Node) bool {
	return anyOf(n, "query_frontend", "live_store", "block_builder", "backend_scheduler", "backend_worker", "usage_report", "stream_over_http_enabled",
		"multitenancy_enabled", "metrics_generator", "metricsGenerator", "ingester_client", "metrics_generator_client") ||
		has(n, "distributor", "receivers") || has(n, "storage", "trace") || isTempoOverrides(get(n, "overrides").value)
}

func isTempoOverrides(n *yaml.Node) bool {
	if anyOf(n, "defaults", "per_tenant_override_config", "user_configurable_overrides") {
		return true
	}
	for _, f := range fields(n) {
		if isFlat(f.key.Value) {
			return true
		}
	}
	return false
}

// isTenants reports whether a document is the file of Tempo's per-tenant overrides: one key,
// with a mapping for each tenant.
func isTenants(root *yaml.Node) bool {
	all := fields(root)
	if len(all) != 1 || all[0].key.Value != "overrides" || isTempoOverrides(all[0].value) {
		return false
	}
	for _, tenant := range fields(all[0].value) {
		for _, f := range fields(tenant.value) {
			if isFlat(f.key.Value) || overrideSections[f.key.Value] || f.key.Value == "metricsGenerator" {
				return true
			}
		}
	}
	return false
}

// anyOf reports whether a mapping has one of the keys.
func anyOf(n *yaml.Node, keys ...string) bool {
	for _, key := range keys {
		if has(n, key) {
			return true
		}
	}
	return false
}
