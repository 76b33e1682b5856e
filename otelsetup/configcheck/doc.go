// Package configcheck finds the known mistakes in the configuration of a tracing pipeline: a
// program that exports OTLP, the OpenTelemetry Collector, Grafana Tempo with its metrics-generator,
// Prometheus, and Grafana's Service Graph. Most of these mistakes cause no error message anywhere:
// a chart ignores a key that it does not know, and a generator without processors runs and writes
// nothing.
//
// [Check] reads:
//
//   - Helm values of the charts tempo-distributed, tempo, prometheus, kube-prometheus-stack and
//     opentelemetry-collector, also as a dependency of another chart
//   - the configuration of Tempo, its per-tenant overrides, and the configurations of the Collector
//     and of Prometheus
//   - Kubernetes manifests: ConfigMaps with one of these configurations, the arguments of
//     containers, and the custom resources OpenTelemetryCollector, Prometheus and HelmRelease
//   - Docker Compose files
//   - the data sources with which Grafana is provisioned
//
// Check looks at each file alone, without a second values file and without the defaults of a chart.
// It assumes the default of the chart for everything that a values file leaves out.
package configcheck
