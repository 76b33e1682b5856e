package configcheck

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Sources of the facts here: the values files of the charts tempo-distributed 1.32.7 to 3.3.0,
// tempo 2.2.4, prometheus and kube-prometheus-stack.

// camelKeys maps the spelling of a key in Tempo's own configuration, which people write by mistake,
// to the spelling of the chart tempo-distributed.
var camelKeys = map[string]string{
	"metrics_generator": "metricsGenerator", "query_frontend": "queryFrontend", "block_builder": "blockBuilder", "live_store": "liveStore",
	"backend_scheduler": "backendScheduler", "backend_worker": "backendWorker", "multitenancy_enabled": "multitenancyEnabled",
}

// distributedValues checks values of the chart tempo-distributed.
func (c *checker) distributedValues(root *yaml.Node) {
	c.camelCase(root, "tempo-distributed")
	c.globalOverrides(root, nil)
	generator := get(root, "metricsGenerator")
	for _, part := range [][]string{{"overrides"}, {"per_tenant_overrides"}, {"tempo", "structuredConfig"}, {"metricsGenerator", "config"}} {
		c.snakeCase(get(root, part...).value)
	}
	if s := get(root, "tempo", "structuredConfig"); has(s.value, "metrics_generator") {
		generator = field{} // the chart merges the two sections, so each setting can be in either
	}
	state := c.chartOverrides(root, nil)
	enabled := isTrue(get(generator.value, "enabled").value)
	misspelled := has(root, "metrics_generator")
	switch {
	case misspelled || has(root, "tempo", "structuredConfig", "metrics_generator"): // reported already, or configured elsewhere
	case !generator.present() && state == absent:
		c.report(Error, root, "these values deploy no metrics-generator: the chart leaves it out unless metricsGenerator.enabled is true",
			nest("metricsGenerator", "enabled: true")+nest("overrides", "defaults", "metrics_generator", "processors: [service-graphs, span-metrics]"))
	case !enabled:
		c.report(Error, firstNode(get(generator.value, "enabled").key, generator.key, get(root, "overrides").key, root),
			"the metrics-generator is configured but not deployed: metricsGenerator.enabled is not true", nest("metricsGenerator", "enabled: true"))
	}
	if enabled && state == absent {
		c.report(Error, generator.key, "the metrics-generator is deployed, but no processor is on, so it writes no series",
			nest("overrides", "defaults", "metrics_generator", "processors: [service-graphs, span-metrics]"))
	}
	for _, g := range []field{generator, get(root, "metrics_generator")} {
		if g.present() && (isTrue(get(g.value, "enabled").value) || has(g.value, "config")) {
			c.remoteWrite(get(g.value, "config", "storage", "remote_write"), g, []string{"metricsGenerator", "config", "storage"})
		}
	}
	c.tenants(get(root, "per_tenant_overrides"), state)
	c.otlpValues(root)
}

// otlpValues checks the OTLP receivers in values of tempo-distributed, which are off by default.
func (c *checker) otlpValues(root *yaml.Node) {
	otlp := get(root, "traces", "otlp")
	open := false
	for _, protocol := range []string{"grpc", "http"} {
		p := get(otlp.value, protocol)
		if !isTrue(get(p.value, "enabled").value) {
			continue
		}
		open = true
		if endpoint := get(p.value, "receiverConfig", "endpoint"); endpoint.present() {
			c.contained(func() { c.listener(field{p.key, get(p.value, "receiverConfig").value}, "") })
		}
	}
	if !open {
		c.report(Error, firstNode(otlp.key, get(root, "traces").key, root), "the OTLP receivers are off, which is the default of the chart, so the distributor takes no OTLP",
			"traces:\n  otlp:\n    grpc:\n      enabled: true\n    http:\n      enabled: true\n")
	}
}

// singleValues checks values of the chart tempo, which runs all components in one process.
func (c *checker) singleValues(root *yaml.Node) {
	if outer := get(root, "metricsGenerator"); outer.present() {
		c.report(Error, outer.key, "the chart tempo reads tempo.metricsGenerator and ignores metricsGenerator at the top", nest("tempo", "metricsGenerator", "enabled: true"))
	}
	tempo := get(root, "tempo")
	c.camelCase(tempo.value, "tempo")
	c.globalOverrides(tempo.value, []string{"tempo"})
	for _, part := range []string{"overrides", "per_tenant_overrides"} {
		c.snakeCase(get(tempo.value, part).value)
	}
	generator := get(tempo.value, "metricsGenerator")
	enabled := isTrue(get(generator.value, "enabled").value)
	state := c.chartOverrides(tempo.value, []string{"tempo"})
	switch {
	case has(tempo.value, "metrics_generator") || has(root, "metricsGenerator"): // reported
	case !enabled:
		c.report(Error, firstNode(get(generator.value, "enabled").key, generator.key, tempo.key), "the metrics-generator is off: the chart runs it only if tempo.metricsGenerator.enabled is true",
			nest("tempo", "metricsGenerator", "enabled: true"))
	case state == absent:
		c.report(Error, generator.key, "the metrics-generator runs, but no processor is on, so it writes no series",
			nest("tempo", "overrides", "defaults", "metrics_generator", "processors: [service-graphs, span-metrics]"))
	}
	if u := get(generator.value, "remoteWriteUrl"); u.present() && len(items(get(generator.value, "storage", "remote_write").value)) == 0 {
		if text(u.value) == "" {
			c.report(Error, u.key, "remoteWriteUrl is empty, so the series reach no Prometheus", c.corrected(u, "remoteWriteUrl: http://prometheus:9090/api/v1/write"))
		} else {
			c.writeURL(u)
		}
	}
	if list := get(generator.value, "storage", "remote_write"); len(items(list.value)) > 0 {
		c.remoteWrite(list, generator, nil)
	}
	c.tenants(get(tempo.value, "per_tenant_overrides"), state)
	for _, f := range fields(get(tempo.value, "receivers", "otlp", "protocols").value) {
		if has(f.value, "endpoint") && (f.key.Value == "grpc" || f.key.Value == "http") {
			c.contained(func() { c.listener(f, "") })
		}
	}
}

// camelCase reports keys of a chart that are spelled as in Tempo's own configuration. Helm ignores
// such keys.
func (c *checker) camelCase(values *yaml.Node, chart string) {
	for _, f := range fields(values) {
		if right := camelKeys[f.key.Value]; right != "" {
			c.report(Error, f.key, fmt.Sprintf("the chart %s reads %s; Helm ignores %s without a warning", chart, right, f.key.Value), c.renamed(f.key, right))
		}
	}
}

// chartOverrides checks the overrides in the values of a chart of Tempo.
func (c *checker) chartOverrides(values *yaml.Node, path []string) state {
	o := get(values, "overrides")
	if o.value != nil && resolve(o.value).Kind == yaml.ScalarNode && text(o.value) != "" {
		c.report(Error, o.key, "since chart 1.33.0 (2025), overrides holds the overrides of all tenants, and those of single tenants are in per_tenant_overrides", c.renamed(o.key, "per_tenant_overrides"))
		o = field{}
	}
	state, _ := c.overrides(o)
	if old := get(values, "global_overrides"); old.present() && state == absent {
		return reported // globalOverrides has reported it
	}
	return state
}

// globalOverrides reports the name that the section overrides had before chart 1.33.0.
func (c *checker) globalOverrides(values *yaml.Node, path []string) {
	old := get(values, "global_overrides")
	if !old.present() || has(values, "overrides", "defaults") {
		return
	}
	fix := c.renamed(old.key, "overrides")
	if flat := flatFields(old.value); len(flat) > 0 {
		fix = nested(flat, append(append([]string{}, path...), "overrides", "defaults")...)
	}
	c.report(Error, old.key, "charts since 1.33.0 (2025) ignore global_overrides: they read overrides, and per_tenant_overrides for single tenants", fix)
}

// receiveFlag is the flag that makes Prometheus accept remote write.
const receiveFlag = "web.enable-remote-write-receiver"

const refusesWrites = "Prometheus runs without --web.enable-remote-write-receiver, so it answers the generator's remote write with 404"

// prometheusValues checks values of the chart prometheus.
func (c *checker) prometheusValues(root *yaml.Node) {
	server := get(root, "server")
	flags := get(server.value, "extraFlags")
	fix := "server:\n  extraFlags:\n    - web.enable-lifecycle\n    - " + receiveFlag + "\n"
	for _, item := range items(flags.value) {
		switch flag := text(item); {
		case flag == receiveFlag:
			return
		case strings.TrimLeft(flag, "-") == receiveFlag:
			c.report(Error, item, "the chart adds the two dashes of a flag itself, so Prometheus gets ----"+receiveFlag+" and does not start", "- "+receiveFlag)
			return
		}
	}
	if has(server.value, "extraArgs", receiveFlag) {
		return
	}
	c.report(Error, firstNode(flags.key, server.key), refusesWrites, fix)
}

// prometheusStackValues checks values of the chart kube-prometheus-stack.
func (c *checker) prometheusStackValues(root *yaml.Node) {
	c.prometheusSpec(get(root, "prometheus", "prometheusSpec"), nest("prometheus", "prometheusSpec", "enableRemoteWriteReceiver: true"))
}

// prometheusSpec checks the specification of a Prometheus that the Prometheus operator runs.
func (c *checker) prometheusSpec(spec field, fix string) {
	set := get(spec.value, "enableRemoteWriteReceiver")
	if !isTrue(set.value) {
		c.report(Error, set.at(spec), refusesWrites, fix)
	}
}

// collectorValues checks values of the chart opentelemetry-collector.
func (c *checker) collectorValues(root *yaml.Node) {
	c.chartDefaults = true
	c.contained(func() { c.collector(resolve(get(root, "config").value)) })
	c.chartDefaults = false
}
