package configcheck

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A state says whether overrides turn the processor service-graphs on.
type state uint8

const (
	absent   state = iota // the overrides name no processors
	on                    // service-graphs is among the processors
	reported              // the overrides have a mistake, and a finding reports it
)

// overrideSections are the sections of overrides in the format of Tempo 2.3 and later.
var overrideSections = map[string]bool{
	"ingestion": true, "read": true, "global": true, "metrics_generator": true, "forwarders": true, "compaction": true, "storage": true, "cost_attribution": true,
}

// sectionOf maps the flat overrides of Tempo before 2.3 to their place in the present format.
// flatPrefixes maps the flat overrides that begin with metrics_generator_ or ingestion_.
var sectionOf = map[string]string{
	"max_traces_per_user": "ingestion.max_traces_per_user", "max_global_traces_per_user": "ingestion.max_global_traces_per_user",
	"max_bytes_per_trace": "global.max_bytes_per_trace", "block_retention": "compaction.block_retention", "compaction_window": "compaction.compaction_window",
	"compaction_disabled": "compaction.compaction_disabled", "max_bytes_per_tag_values_query": "read.max_bytes_per_tag_values_query",
	"max_blocks_per_tag_values_query": "read.max_blocks_per_tag_values_query", "max_search_duration": "read.max_search_duration", "max_metrics_duration": "read.max_metrics_duration",
	"unsafe_query_hints": "read.unsafe_query_hints", "parquet_dedicated_columns": "storage.parquet_dedicated_columns",
}

// flatPrefixes maps the prefixes of flat overrides to sections of the present format. The longest
// prefix comes first.
var flatPrefixes = []struct{ prefix, section string }{
	{"metrics_generator_processor_service_graphs_", "metrics_generator.processor.service_graphs."},
	{"metrics_generator_processor_span_metrics_", "metrics_generator.processor.span_metrics."},
	{"metrics_generator_processor_local_blocks_", "metrics_generator.processor.local_blocks."},
	{"metrics_generator_processor_host_info_", "metrics_generator.processor.host_info."},
	{"metrics_generator_forwarder_", "metrics_generator.forwarder."},
	{"metrics_generator_", "metrics_generator."},
	{"ingestion_", "ingestion."},
}

// nestedPath returns the place of a flat override in the present format, and "" for a key that is
// not a flat override.
func nestedPath(key string) string {
	if p := sectionOf[key]; p != "" {
		return p
	}
	for _, f := range flatPrefixes {
		if rest, found := strings.CutPrefix(key, f.prefix); found {
			return f.section + rest
		}
	}
	return ""
}

func isFlat(key string) bool { return nestedPath(key) != "" }

// overrides checks the section overrides of Tempo's configuration and returns the processors
// that it gives to all tenants.
func (c *checker) overrides(o field) (state, field) {
	if !o.present() {
		return absent, field{}
	}
	if flat := flatFields(o.value); len(flat) > 0 {
		return c.flat(o, flat)
	}
	result := absent
	for _, f := range fields(o.value) {
		switch {
		case overrideSections[f.key.Value]:
			c.report(Error, f.key, fmt.Sprintf("Tempo refuses overrides.%s: the overrides of all tenants are in overrides.defaults", f.key.Value), nest("overrides", "defaults", f.key.Value+":"))
			result = reported
		case !overrideSettings[f.key.Value] && isMapping(f.value):
			c.report(Error, f.key, fmt.Sprintf("overrides.%s looks like the overrides of a tenant: they belong in a separate file, which per_tenant_override_config names", f.key.Value),
				nest("overrides", "per_tenant_override_config: /conf/overrides.yaml"))
		}
	}
	defaults := get(o.value, "defaults")
	if camel := get(defaults.value, "metricsGenerator"); camel.present() {
		result = reported // snakeCase has reported it
	}
	list := get(defaults.value, "metrics_generator", "processors")
	if !list.present() {
		if flat := flatFields(defaults.value); len(flat) > 0 {
			c.report(Error, flat[0].key, fmt.Sprintf("Tempo refuses %s in overrides.defaults: the flat format of overrides cannot be mixed with another", flat[0].key.Value), nested(flat, "overrides", "defaults"))
			return reported, field{}
		}
		return result, field{}
	}
	return max(c.processors(list), result), list
}

// overrideSettings are the keys of the section overrides.
var overrideSettings = map[string]bool{
	"defaults": true, "per_tenant_override_config": true, "per_tenant_override_period": true, "user_configurable_overrides": true, "enable_legacy_overrides": true, "expand_env": true,
}

// flat checks overrides in the flat format.
func (c *checker) flat(o field, flat []field) (state, field) {
	if !isTrue(get(o.value, "enable_legacy_overrides").value) {
		c.report(Error, flat[0].key, "these overrides have the flat format, which Tempo 2 reads and Tempo 3 refuses", nested(flat, "overrides", "defaults"))
	}
	list := get(o.value, "metrics_generator_processors")
	if !list.present() {
		return absent, field{}
	}
	return c.processors(list), list
}

// flatFields returns the fields of a mapping that are flat overrides.
func flatFields(n *yaml.Node) []field {
	var flat []field
	for _, f := range fields(n) {
		if isFlat(f.key.Value) {
			flat = append(flat, f)
		}
	}
	return flat
}

// nested returns flat overrides as YAML in the present format, below a path.
func nested(flat []field, path ...string) string {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range flat {
		at := root
		keys := append(append([]string{}, path...), strings.Split(nestedPath(f.key.Value), ".")...)
		for _, key := range keys[:len(keys)-1] {
			at = inside(at, key)
		}
		value := *resolve(f.value)
		value.Style |= yaml.FlowStyle
		value.HeadComment, value.LineComment, value.FootComment, value.Anchor = "", "", "", ""
		at.Content = append(at.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: keys[len(keys)-1]}, &value)
	}
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if enc.Encode(root) != nil {
		return ""
	}
	return b.String()
}

// inside returns the mapping at a key of a mapping. It adds an empty mapping if the key is missing.
func inside(n *yaml.Node, key string) *yaml.Node {
	if f := get(n, key); f.present() {
		return f.value
	}
	m := &yaml.Node{Kind: yaml.MappingNode}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, m)
	return m
}

// tenants checks the overrides of each tenant. Tempo does not merge them with the defaults: no
// default applies to a tenant with overrides of its own.
func (c *checker) tenants(all field, defaults state) {
	for _, tenant := range fields(all.value) {
		c.tenant(tenant, defaults)
	}
}

func (c *checker) tenant(tenant field, defaults state) {
	processors := get(tenant.value, "metrics_generator", "processors")
	if flat := flatFields(tenant.value); len(flat) > 0 {
		c.report(Error, flat[0].key, "these overrides have the flat format, which Tempo 2 reads and Tempo 3 refuses", nested(flat, tenant.key.Value))
		processors = get(tenant.value, "metrics_generator_processors")
	}
	switch {
	case processors.present():
		c.processors(processors)
	case has(tenant.value, "metricsGenerator"): // snakeCase has reported it
	case defaults == on:
		c.report(Error, tenant.key, fmt.Sprintf("the overrides of tenant %q replace the defaults and name no processors, so the tenant has no service graph", tenant.key.Value),
			nest(tenant.key.Value, "metrics_generator", "processors: [service-graphs, span-metrics]"))
	default:
		c.report(Warning, tenant.key, fmt.Sprintf("the overrides of tenant %q replace the defaults, processors included: without processors here the tenant has no service graph", tenant.key.Value),
			nest(tenant.key.Value, "metrics_generator", "processors: [service-graphs, span-metrics]"))
	}
}

// tenantFile checks a file of per-tenant overrides.
func (c *checker) tenantFile(root *yaml.Node) {
	c.snakeCase(root)
	c.tenants(get(root, "overrides"), absent)
}
