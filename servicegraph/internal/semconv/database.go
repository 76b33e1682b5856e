package semconv

import (
	"cmp"
	"strings"
)

func (a *Attrs) hasDatabase() bool {
	return a.dbSystem != "" || a.dbSystemOld != "" || a.dbNamespace != "" || a.dbName != ""
}

// database returns the name of the logical database, or the name of the system if there is no
// useful name: Redis numbers its databases, and a node "0" would tell a reader nothing [D6].
// PostgreSQL's db.namespace is "database|schema" and its older db.name is only the database; both
// give the same node [D2].
func (a *Attrs) database() string {
	name := cmp.Or(known(a.dbNamespace), known(a.dbName))
	system := a.databaseSystem()
	if system == "microsoft.sql_server" { // instance|database
		name = name[strings.LastIndexByte(name, '|')+1:]
	} else {
		name, _, _ = strings.Cut(name, "|")
	}
	if name == "" || (isNumber(name) && system != "") {
		return cmp.Or(system, name)
	}
	return name
}

func (a *Attrs) databaseSystem() string { return databaseSystem(cmp.Or(a.dbSystem, a.dbSystemOld)) }

// isNumber reports whether a text consists of digits.
func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
