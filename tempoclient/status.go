package tempoclient

import (
	"cmp"
	"context"
	"html"
	"net/http"
	"net/url"
	"strings"
)

// Ready returns nil if Tempo is ready to answer queries, and otherwise an error with
// the reason. Ready does not retry. Gateways in front of Tempo often block this path;
// they usually let [Client.Echo] through.
func (c *Client) Ready(ctx context.Context) error {
	req, err := c.request(ctx, "/ready", nil, "*/*")
	if err == nil {
		_, err = c.roundTrip(req)
	}
	return err
}

// Echo returns nil if Tempo's query frontend answers. It checks URL and access, and
// costs Tempo no work.
func (c *Client) Echo(ctx context.Context) error {
	a, err := c.get(ctx, "/api/echo", nil, "*/*")
	if err == nil && strings.TrimSpace(string(a.body)) != "echo" {
		return c.unexpected(a.req, http.StatusOK, a.body, errNotTempo)
	}
	return err
}

// Overrides returns the limits of a tenant as YAML. An empty tenant means
// [Config].OrgID, or the only tenant of a single-tenant Tempo. Overrides extracts the
// limits from a web page, because Tempo offers no other format.
func (c *Client) Overrides(ctx context.Context, tenant string) (string, error) {
	tenant = cmp.Or(tenant, c.cfg.OrgID, "single-tenant")
	a, err := c.get(ctx, "/status/overrides/"+url.PathEscape(tenant), nil, mediaHTML)
	if err != nil {
		return "", err
	}
	// The page may have a block of user-configured overrides before the block of all
	// overrides in force.
	_, page, found := strings.Cut(string(a.body), ">Runtime overrides<")
	_, page, open := strings.Cut(page, "<pre><code>")
	text, _, closed := strings.Cut(page, "</code></pre>")
	if !found || !open || !closed {
		return "", c.unexpected(a.req, http.StatusOK, a.body, errNotTempo)
	}
	return html.UnescapeString(text), nil
}
