package configcheck

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// manifest checks a Kubernetes manifest.
func (c *checker) manifest(root *yaml.Node) {
	switch text(get(root, "kind").value) {
	case "List":
		for _, item := range items(get(root, "items").value) {
			if has(item, "kind") {
				c.manifest(resolve(item))
			}
		}
	case "ConfigMap":
		for _, f := range fields(get(root, "data").value) {
			c.embedded(f.value)
		}
	case "Secret":
		for _, f := range fields(get(root, "stringData").value) {
			c.embedded(f.value)
		}
	case "OpenTelemetryCollector":
		c.collectorResource(get(root, "spec", "config"))
	case "Prometheus":
		c.prometheusSpec(get(root, "spec"), nest("spec", "enableRemoteWriteReceiver: true"))
	case "HelmRelease":
		c.values(get(root, "spec", "values"))
	case "Application": // a resource of Argo CD
		c.values(get(root, "spec", "source", "helm", "valuesObject"))
		c.embedded(get(root, "spec", "source", "helm", "values").value)
	case "Pod":
		c.pod(get(root, "spec"))
	case "CronJob":
	default:
		c.pod(get(root, "spec", "template", "spec"))
	}
}

// values checks the values of a chart inside a manifest.
func (c *checker) values(f field) {
	if k := kindOf(resolve(f.value)); strings.HasPrefix(k.name, "Helm values") {
		k.check(c, resolve(f.value))
	}
}

// collectorResource checks the configuration in an OpenTelemetryCollector: a mapping, or a
// string in older versions.
func (c *checker) collectorResource(config field) {
	if !isMapping(config.value) {
		c.embedded(config.value)
		return
	}
	c.contained(func() { c.collector(resolve(config.value)) })
}

// pod checks the containers of a pod.
func (c *checker) pod(spec field) {
	for _, container := range items(get(spec.value, "containers").value) {
		args := append(items(get(container, "command").value), items(get(container, "args").value)...)
		c.container(get(container, "image"), firstNode(get(container, "args").key, get(container, "image").key), args)
		if imageName(text(get(container, "image").value)) == "tempo" {
			c.deployed(args)
		}
	}
}

// deployed records which component of Tempo a container runs.
func (c *checker) deployed(args []*yaml.Node) {
	for _, arg := range args {
		if target, found := strings.CutPrefix(strings.TrimLeft(text(arg), "-"), "target="); found {
			if c.targets == nil {
				c.targets = make(map[string]bool)
			}
			c.targets[target] = true
		}
	}
}

// container checks the arguments of a program in a container.
func (c *checker) container(image field, at *yaml.Node, args []*yaml.Node) {
	if imageName(text(image.value)) == "prometheus" {
		c.prometheusArgs(at, args)
	}
}

// imageName returns the last part of the name of an image, without tag and digest.
func imageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = image[strings.LastIndexByte(image, '/')+1:]
	image, _, _ = strings.Cut(image, ":")
	return image
}

// prometheusArgs checks the arguments of Prometheus.
func (c *checker) prometheusArgs(at *yaml.Node, args []*yaml.Node) {
	for _, arg := range args {
		switch flag := strings.TrimLeft(text(arg), "-"); {
		case flag == receiveFlag, flag == receiveFlag+"=true":
			return
		case strings.HasPrefix(flag, "enable-feature=") && strings.Contains(flag, "remote-write-receiver"):
			c.report(Error, arg, "Prometheus 3 has no feature remote-write-receiver: the receiver has a flag of its own", "- --"+receiveFlag)
			return
		case strings.HasPrefix(flag, "agent"):
			return // an agent stores nothing
		}
	}
	c.report(Error, at, refusesWrites, "- --"+receiveFlag)
}

// deployment reports a metrics-generator that is configured but not deployed by the manifests.
func (c *checker) deployment() {
	if c.processLine == 0 || len(c.targets) == 0 || c.targets["metrics-generator"] || c.targets["all"] || c.targets["scalable-single-binary"] {
		return
	}
	c.report(Error, &yaml.Node{Line: c.processLine}, "the processor service-graphs is on, but these manifests deploy no Tempo with -target=metrics-generator",
		nest("metricsGenerator", "enabled: true # in the values of tempo-distributed"))
}

// compose checks a Docker Compose file.
func (c *checker) compose(root *yaml.Node) {
	for _, service := range fields(get(root, "services").value) {
		args := items(get(service.value, "command").value)
		if len(args) == 1 {
			var split []*yaml.Node
			for _, arg := range strings.Fields(text(args[0])) {
				split = append(split, &yaml.Node{Kind: yaml.ScalarNode, Value: arg, Line: args[0].Line})
			}
			args = split
		}
		args = append(items(get(service.value, "entrypoint").value), args...)
		c.container(get(service.value, "image"), firstNode(get(service.value, "command").key, service.key), args)
	}
	for _, config := range fields(get(root, "configs").value) {
		c.embedded(get(config.value, "content").value)
	}
}

// dataSources checks the data sources with which Grafana is provisioned.
func (c *checker) dataSources(root *yaml.Node) {
	prometheus := make(map[string]bool)
	first, severity := "prometheus", Error
	for _, source := range items(get(root, "datasources").value) {
		if uid := text(get(source, "uid").value); text(get(source, "type").value) == "prometheus" && uid != "" {
			if len(prometheus) == 0 {
				first = uid
			}
			prometheus[uid] = true
		}
		if has(source, "jsonData", "serviceMap", "datasourceUid") {
			severity = Warning // one data source with a Service Graph can be enough: its absence in another one is only a warning
		}
	}
	for _, source := range items(get(root, "datasources").value) {
		if text(get(source, "type").value) != "tempo" {
			continue
		}
		uid := get(source, "jsonData", "serviceMap", "datasourceUid")
		fix := "jsonData:\n  serviceMap:\n    datasourceUid: " + first + "\n"
		switch name := text(uid.value); {
		case name == "":
			c.report(severity, firstNode(get(source, "jsonData").key, resolve(source)), "the data source Tempo names no Prometheus for its Service Graph, so Grafana shows none", fix)
		case len(prometheus) > 0 && !prometheus[name]:
			c.report(Error, uid.key, "the Service Graph asks the data source "+name+", and no Prometheus here has this uid", c.corrected(uid, "datasourceUid: "+first))
		}
	}
}
