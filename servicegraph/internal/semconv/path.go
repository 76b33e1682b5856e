package semconv

import (
	"cmp"
	"strings"
)

// servedPath returns the path of the request that a SERVER span received, or its route.
func (a *Attrs) servedPath() string {
	return cmp.Or(a.urlPath, withoutQuery(a.httpTarget), pathOf(a.httpURL), a.httpRoute)
}

// dialedPath returns the path of the request that a CLIENT span sent, or its template.
func (a *Attrs) dialedPath() string {
	return cmp.Or(pathOf(a.urlFull), pathOf(a.httpURL), withoutQuery(a.httpTarget), a.urlPath, a.urlTemplate)
}

// pathOf returns the path of a URL that names a host, "/" if the path is empty.
func pathOf(url string) string {
	origin := OriginLen(url)
	if origin == 0 {
		return ""
	}
	return cmp.Or(withoutQuery(url[origin:]), "/")
}

// MatchPaths reports whether two paths, which are not empty, can belong to one request. They can if
// they are equal, or if one is the end of the other, because a gateway may have removed the
// beginning. Segments with a variable, such as {id}, :id, <id> or *, match any segment. The path
// "/" matches only itself.
func MatchPaths(a, b string) bool {
	x, y := strings.Split(strings.Trim(a, "/"), "/"), strings.Split(strings.Trim(b, "/"), "/")
	if len(x) < len(y) {
		x, y = y, x
	}
	if x[0] == "" || y[0] == "" {
		return x[0] == y[0]
	}
	for i := 1; i <= len(y); i++ {
		if s, t := x[len(x)-i], y[len(y)-i]; s != t && !isVariable(s) && !isVariable(t) {
			return false
		}
	}
	return true
}

// isVariable reports whether a segment of a route stands for any segment.
func isVariable(segment string) bool {
	return strings.ContainsAny(segment, "{<[*(") || segment[:min(1, len(segment))] == ":"
}
