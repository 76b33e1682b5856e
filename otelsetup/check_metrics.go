package otelsetup

import (
	"bytes"
	"strconv"
	"strings"
)

// A sample is a line of Prometheus' text format.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// samples are the metrics of one page, in the order of the page.
type samples []sample

// parseSamples parses a page in Prometheus' text format. It skips lines that it cannot parse.
func parseSamples(page []byte) samples {
	var list samples
	for line := range bytes.Lines(page) {
		if s, ok := parseSample(strings.TrimSpace(string(line))); ok {
			list = append(list, s)
		}
	}
	return list
}

func parseSample(line string) (sample, bool) {
	end := strings.IndexAny(line, "{ ")
	if end <= 0 || line[0] == '#' {
		return sample{}, false
	}
	s := sample{name: line[:end], labels: make(map[string]string)}
	rest := line[end:]
	if rest[0] == '{' {
		rest = rest[1:]
		for !strings.HasPrefix(rest, "}") {
			name, quoted, found := strings.Cut(rest, "=")
			prefix, err := strconv.QuotedPrefix(quoted)
			if !found || err != nil {
				return sample{}, false
			}
			value, err := strconv.Unquote(prefix)
			if err != nil {
				return sample{}, false
			}
			s.labels[strings.TrimSpace(name)] = value
			rest = strings.TrimPrefix(quoted[len(prefix):], ",")
		}
		rest = rest[1:]
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return sample{}, false
	}
	var err error
	s.value, err = strconv.ParseFloat(fields[0], 64)
	return s, err == nil
}

// with returns the samples of a metric that have the given labels.
func (list samples) with(name string, labels map[string]string) samples {
	var found samples
samples:
	for _, s := range list {
		if s.name != name {
			continue
		}
		for k, v := range labels {
			if s.labels[k] != v {
				continue samples
			}
		}
		found = append(found, s)
	}
	return found
}

// sum returns the sum of the values.
func (list samples) sum() float64 {
	sum := 0.0
	for _, s := range list {
		sum += s.value
	}
	return sum
}

// max returns the largest value, and 0 for an empty list.
func (list samples) max() float64 {
	largest := 0.0
	for _, s := range list {
		largest = max(largest, s.value)
	}
	return largest
}
