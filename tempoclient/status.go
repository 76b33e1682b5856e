package tempoclient

import (
	"cmp"
	"context"
	"html"
	"net/http"
	"net/url"
	"strings"
)

// Ready returns nil if Tempo is ready to answer queries, and says why it is not
// otherwise. Gateways in front of a Tempo often do not let this through:
// [Client.Echo] is what they let through. It asks once: not yet is an answer.
func (c *Client) Ready(ctx context.Context) error {
	req, err := c.request(ctx, "/ready", nil, "*/*")
	if err == nil {
		_, err = c.roundTrip(req)
	}
	return err
}

// Echo returns nil if the query frontend of a Tempo is reached, which does no
// work for it: a check of URL and access.
func (c *Client) Echo(ctx context.Context) error {
	req, body, err := c.get(ctx, "/api/echo", nil, "*/*")
	if err == nil && strings.TrimSpace(string(body)) != "echo" {
		return c.unexpected(req, http.StatusOK, body, errNotTempo)
	}
	return err
}

// Overrides returns the limits that Tempo applies to a tenant, as YAML; empty means
// [Config].OrgID, or the only tenant of a Tempo without multi-tenancy. It is read off
// a web page for people, since Tempo has no other form of it.
func (c *Client) Overrides(ctx context.Context, tenant string) (string, error) {
	tenant = cmp.Or(tenant, c.cfg.OrgID, "single-tenant")
	req, body, err := c.get(ctx, "/status/overrides/"+url.PathEscape(tenant), nil, mediaHTML)
	if err != nil {
		return "", err
	}
	// The page has one block for the overrides by users, if any, and then the one with
	// all that apply.
	_, page, found := strings.Cut(string(body), ">Runtime overrides<")
	_, page, open := strings.Cut(page, "<pre><code>")
	text, _, closed := strings.Cut(page, "</code></pre>")
	if !found || !open || !closed {
		return "", c.unexpected(req, http.StatusOK, body, errNotTempo)
	}
	return html.UnescapeString(text), nil
}
