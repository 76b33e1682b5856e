package semconv

import "strings"

// databaseSystem returns the present name of a database product [D11].
func databaseSystem(s string) string {
	switch s = strings.ToLower(s); s {
	case "mssql", "sqlserver", "sqlsrv":
		return "microsoft.sql_server"
	case "postgres", "pgsql":
		return "postgresql"
	case "mongo":
		return "mongodb"
	case "oracle":
		return "oracle.db"
	case "cosmosdb":
		return "azure.cosmosdb"
	case "dynamodb":
		return "aws.dynamodb"
	case "redshift":
		return "aws.redshift"
	case "spanner":
		return "gcp.spanner"
	case "h2":
		return "h2database"
	case "hanadb":
		return "sap.hana"
	case "maxdb":
		return "sap.maxdb"
	case "db2":
		return "ibm.db2"
	case "informix":
		return "ibm.informix"
	case "netezza":
		return "ibm.netezza"
	case "firebird":
		return "firebirdsql"
	}
	return s
}

// modelProvider returns the present name of a provider of models. The conventions use lower case,
// but some instrumentations write the name as the provider does [G1].
func modelProvider(s string) string {
	switch s = strings.ToLower(s); s {
	case "az.ai.inference":
		return "azure.ai.inference"
	case "az.ai.openai":
		return "azure.ai.openai"
	case "gemini":
		return "gcp.gemini"
	case "vertex_ai":
		return "gcp.vertex_ai"
	case "xai":
		return "x_ai"
	}
	return s
}

// messagingSystem returns the present name of a messaging product.
func messagingSystem(s string) string {
	switch s = strings.ToLower(s); s {
	case "amazonsqs", "aws.sqs", "sqs":
		return "aws_sqs"
	case "amazonsns", "aws_sns", "sns":
		return "aws.sns"
	case "pubsub", "google_pubsub", "gcp.pubsub":
		return "gcp_pubsub"
	case "azureservicebus", "azure_servicebus", "azure.servicebus":
		return "servicebus"
	case "azureeventhubs", "azure_eventhubs", "azure.eventhubs":
		return "eventhubs"
	}
	return s
}

// isOfProvider reports whether a host belongs to a provider of models. Spans of calls to a server
// that is compatible with a provider's API name the provider, but another host. If the domains of a
// provider are not known, isOfProvider returns true for every host.
func isOfProvider(host, provider string) bool {
	domains, known := providerDomains[provider]
	if !known {
		return true
	}
	for _, domain := range domains {
		if rest, ok := strings.CutSuffix(host, domain); ok && (rest == "" || rest[len(rest)-1] == '.') {
			return true
		}
	}
	return false
}

// IsElsewhere reports whether the domains of a provider of models are known and a host is in none
// of them.
func IsElsewhere(provider, host string) bool { return !isOfProvider(host, provider) }

// HasDomains reports whether the domains of a provider of models are known, so that a host in
// another domain is not the provider.
func HasDomains(provider string) bool { return providerDomains[provider] != nil }

// providerDomains are the domains of the providers in the semantic conventions. Azure also
// serves OpenAI's models.
var providerDomains = map[string][]string{
	"anthropic":          {"anthropic.com"},
	"aws.bedrock":        {"amazonaws.com", "amazonaws.com.cn", "api.aws"},
	"azure.ai.inference": azureDomains,
	"azure.ai.openai":    azureDomains,
	"cohere":             {"cohere.com", "cohere.ai"},
	"deepseek":           {"deepseek.com"},
	"gcp.gemini":         {"googleapis.com"},
	"gcp.gen_ai":         {"googleapis.com"},
	"gcp.vertex_ai":      {"googleapis.com"},
	"groq":               {"groq.com"},
	"ibm.watsonx.ai":     {"ibm.com"},
	"mistral_ai":         {"mistral.ai"},
	"moonshot_ai":        {"moonshot.ai", "moonshot.cn"},
	"openai":             append([]string{"openai.com"}, azureDomains...),
	"perplexity":         {"perplexity.ai"},
	"x_ai":               {"x.ai"},
}

var azureDomains = []string{"azure.com", "azure.cn", "azure.us"}
