package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/tempoclient"
)

// tempoWords maps other words for the content of a variable, without TEMPO_ and underscores, to the
// variable.
var tempoWords = map[string]string{
	"ADDRESS": "TEMPO_ADDR", "ENDPOINT": "TEMPO_ADDR", "URI": "TEMPO_ADDR",
	"TENANT": "TEMPO_ORG_ID", "TENANTID": "TEMPO_ORG_ID", "SCOPEORGID": "TEMPO_ORG_ID", "XSCOPEORGID": "TEMPO_ORG_ID",
	"USER": "TEMPO_USERNAME", "PASS": "TEMPO_PASSWORD",
	"TOKEN": "TEMPO_BEARER_TOKEN", "TOKENFILE": "TEMPO_BEARER_TOKEN_FILE",
	"CAFILE": "TEMPO_CA_CERT_PATH", "CACERT": "TEMPO_CA_CERT_PATH",
	"CERTFILE": "TEMPO_CLIENT_CERT_PATH", "CLIENTCERT": "TEMPO_CLIENT_CERT_PATH",
	"KEYFILE": "TEMPO_CLIENT_KEY_PATH", "CLIENTKEY": "TEMPO_CLIENT_KEY_PATH",
}

// MisspeltVariables returns a warning for each variable of an environment, as os.Environ returns
// it, whose name is nearly the name of a variable that tempoclient reads, such as TEMPO_ORGID. It
// ignores other variables that begin with TEMPO_, such as TEMPO_PORT, which Kubernetes sets for a
// service named tempo.
func MisspeltVariables(environ []string) []string {
	var known, words []string
	tempoclient.FromEnv(func(key string) string {
		known = append(known, key)
		words = append(words, joined(key))
		return ""
	})
	var warnings []string
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		upper := strings.ToUpper(name)
		if value == "" || !strings.HasPrefix(upper, "TEMPO") || slices.Contains(known, name) {
			continue
		}
		word := joined(upper)
		meant := tempoWords[word]
		if i := slices.Index(words, word); i >= 0 {
			meant = known[i]
		} else if near := suggest.Nearest(word, words); meant == "" && near != "" {
			meant = known[slices.Index(words, near)]
		}
		if meant != "" {
			warnings = append(warnings, fmt.Sprintf("%s is set, and nothing reads it%s", name, suggest.Question(meant)))
		}
	}
	slices.Sort(warnings)
	return warnings
}

// joined returns the name of a variable without TEMPO and underscores.
func joined(name string) string {
	return strings.ReplaceAll(strings.TrimPrefix(name, "TEMPO"), "_", "")
}
