package source

import (
	"strings"
	"testing"
)

func TestMisspeltVariables(t *testing.T) {
	for name, want := range map[string]string{
		"TEMPO_ORGID":              "TEMPO_ORG_ID",
		"TEMPO_ORG_IDS":            "TEMPO_ORG_ID",
		"TEMPOORGID":               "TEMPO_ORG_ID",
		"tempo_org_id":             "TEMPO_ORG_ID",
		"TEMPO_TENANT_ID":          "TEMPO_ORG_ID",
		"TEMPO_X_SCOPE_ORGID":      "TEMPO_ORG_ID",
		"TEMPO_ADRR":               "TEMPO_ADDR",
		"TEMPO_ADDRESS":            "TEMPO_ADDR",
		"TEMPO_USER_NAME":          "TEMPO_USERNAME",
		"TEMPO_USER":               "TEMPO_USERNAME",
		"TEMPO_PASWORD":            "TEMPO_PASSWORD",
		"TEMPO_BEARERTOKEN":        "TEMPO_BEARER_TOKEN",
		"TEMPO_TOKEN":              "TEMPO_BEARER_TOKEN",
		"TEMPO_TOKEN_FILE":         "TEMPO_BEARER_TOKEN_FILE",
		"TEMPO_CA_CERT":            "TEMPO_CA_CERT_PATH",
		"TEMPO_ORG_ID":             "",
		"TEMPO_ADDR":               "",
		"TEMPO_URL":                "",
		"TEMPO_PORT":               "", // of Kubernetes
		"TEMPO_PORT_3200_TCP_ADDR": "",
		"TEMPO_SERVICE_HOST":       "",
		"TEMPO_SERVICE_PORT":       "",
		"TEMPO_BIN":                "",
		"TEMPO":                    "",
		"TEMPORARY":                "",
		"ORG_ID":                   "",
	} {
		got := strings.Join(MisspeltVariables([]string{"PATH=/bin", name + "=x"}), "\n")
		if want != "" {
			want = name + " is set, and nothing reads it: did you mean " + want + "?"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := MisspeltVariables([]string{"TEMPO_ORGID="}); got != nil {
		t.Errorf("a variable that is set to nothing: %q", got)
	}
}
