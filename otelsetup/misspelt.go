package otelsetup

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/internal/suggest"
)

// misspeltVariables returns a warning for each variable that begins with OTEL_ or OTLP_, that
// nothing reads, and whose name is nearly that of a variable which Start reads. It ignores other
// unknown variables: SDKs of other languages and Kubernetes set many such variables, such as
// OTEL_SERVICE_PORT for a service named otel.
func misspeltVariables() []note {
	var names []string
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		if strings.TrimSpace(value) != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var notes []note
	for _, name := range names {
		if meant := meantVariable(name); meant != "" {
			notes = append(notes, note{slog.LevelWarn, fmt.Sprintf("%s is set, and nothing reads it: did you mean %s?", name, meant)})
		}
	}
	return notes
}

// variables returns the names of the variables that Start reads. If an unknown name is similar to
// several of them, meantVariable chooses the first.
func variables() []string {
	names := []string{
		"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_TRACES_EXPORTER",
		"OTEL_PROPAGATORS", "OTEL_SDK_DISABLED", "OTEL_LOG_LEVEL", "OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE",
	}
	for _, prefix := range []string{"OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"} {
		for _, key := range []string{"ENDPOINT", "PROTOCOL", "HEADERS", "INSECURE", "TIMEOUT", "COMPRESSION", "CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
			names = append(names, prefix+key)
		}
	}
	for _, r := range ranges {
		names = append(names, r.name)
	}
	return names
}

// meantVariable returns the variable that the user probably meant by a misspelled name, and "" for
// a name that is probably right.
func meantVariable(name string) string {
	upper := strings.ToUpper(name)
	rest, isOTel := strings.CutPrefix(upper, "OTEL_")
	if !isOTel && !strings.HasPrefix(upper, "OTLP_") {
		return ""
	}
	if !isOTel {
		rest = upper // OTLP_ENDPOINT lacks OTEL_EXPORTER_
	}
	known := variables()
	if slices.Contains(known, name) {
		return ""
	}
	if slices.Contains(known, upper) { // the case is wrong
		return upper
	}
	for _, signal := range []string{"METRICS", "LOGS"} { // metrics and logs have variables of their own, with the same words
		if slices.Contains(known, strings.Replace(upper, signal, "TRACES", 1)) {
			return ""
		}
	}
	words := strings.Split(rest, "_")
	meant := ""
	for _, k := range known {
		all := strings.Split(strings.TrimPrefix(k, "OTEL_"), "_")
		// Among the variables that have all words of the name, the shortest one is meant. The last
		// word must be the same, because the last word names the setting.
		if sameWord(words[len(words)-1], all[len(all)-1]) && within(words, all) && (meant == "" || len(k) < len(meant)) {
			meant = k
		}
	}
	if meant != "" {
		return meant
	}
	for _, k := range known {
		// An underscore may be missing, or two words may lack a letter each.
		joined := strings.ReplaceAll(k, "_", "")
		if given := strings.ReplaceAll(upper, "_", ""); given == joined || len(words) == 1 && suggest.Nearest(rest, []string{strings.TrimPrefix(k, "OTEL_")}) != "" {
			return k
		}
	}
	return ""
}

// within reports whether the words are among all words, in the same order.
func within(words, all []string) bool {
	for _, w := range all {
		if len(words) > 0 && sameWord(words[0], w) {
			words = words[1:]
		}
	}
	return len(words) == 0
}

// sameWord reports whether a word is the wanted one, perhaps with typing mistakes.
func sameWord(word, want string) bool {
	return word == want || suggest.Nearest(word, []string{want}) != ""
}
