package tempocompat

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/temposeries"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// A testCase is a row of the table: spans in the notation of notation_test.go, and the
// result:
//
//	CLIENT→SERVER TYPE TOTAL/FAILED cs SECONDS ss SECONDS [ms SECONDS] [LABEL=VALUE]..., … EDGES EXPIRED [DROPPED]
//
// cs, ss and ms are the sums of the client's, the server's and the messaging histogram,
// written without blanks. TYPE is - for a plain call.
type testCase struct {
	row    string
	reason string
	cfg    temposeries.Config
	spans  string
	want   string
	tempo  string // Tempo's result in the few cases where it differs from want
}

var environment = []string{"deployment.environment"}

var cases = []testCase{
	// Basic.
	{row: "B01", reason: "two halves make a call, each with its own latency",
		spans: `A:c1 [0+100] B:s2<1 [10+50]`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},
	{row: "B02", reason: "the halves may come in either order, and in different requests",
		spans: `B:s2<1 [10+50] push2 A:c1 [0+100]`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},
	{row: "B03", reason: "a call failed if the client span has status error",
		spans: `A:c1! B:s2<1`,
		want:  `A→B - 1/1 cs.1 ss.05; E1 x0`},
	{row: "B04", reason: "a call failed if the server span has status error",
		spans: `A:c1 B:s2<1!`,
		want:  `A→B - 1/1 cs.1 ss.05; E1 x0`},
	{row: "B05", reason: "only the status counts: HTTP codes are not read",
		spans: `A:c1 http.response.status_code=500 B:s2<1 http.status_code=500`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},
	{row: "B06", reason: "spans of other kinds are not halves of calls",
		spans: `A:i1 B:u2<1`,
		want:  `none; E0 x0`},
	{row: "B07", reason: "spans without service.name are ignored",
		spans: `A:c1 -:s2<1`,
		want:  `none; E1 x1`},
	{row: "B08", reason: "a span with an empty service.name never completes a call",
		spans: `A:c1 "":s2<1`,
		want:  `none; E1 x1`},
	{row: "B08", reason: "Tempo adds the latency of a span with an empty service.name to a virtual edge; here such a span has no service",
		spans: `A:c1 peer.service=ext "":s2<1`,
		want:  `A→ext virtual_node 1/0 cs.1 ss0; E1 x0`,
		tempo: `A→ext virtual_node 1/0 cs.1 ss.05; E1 x0`},
	{row: "B09", reason: "a service that calls itself has an edge to itself",
		spans: `A:c1 A:s2<1`,
		want:  `A→A - 1/0 cs.1 ss.05; E1 x0`},
	{row: "B10", reason: "a root server span is a call from user with client latency zero",
		spans: `A:s1`,
		want:  `user→A virtual_node 1/0 cs0 ss.1; E1 x0`},
	{row: "B11", reason: "peer.service of a root server span names the caller",
		spans: `A:s1 peer.service=mobile`,
		want:  `mobile→A virtual_node 1/0 cs0 ss.1; E1 x0`},
	{row: "B12", reason: "a root consumer span is also a call from user: links are not read",
		spans: `A:k1`,
		want:  `user→A virtual_node 1/0 cs0 ss.1; E1 x0`},
	{row: "B13", reason: "a server span whose parent never arrives is lost, even with peer.service",
		spans: `A:s2<9 peer.service=mobile`,
		want:  `none; E1 x1`},
	{row: "B14", reason: "a client span without a server span and without a peer name is lost",
		spans: `A:c1`,
		want:  `none; E1 x1`},
	{row: "B15", reason: "a client span with a peer name is a call to a virtual node with server latency zero",
		spans: `A:c1! peer.service=ext`,
		want:  `A→ext virtual_node 1/1 cs.1 ss0; E1 x0`},
	{row: "B16", reason: "peer.service must be a span attribute",
		spans: `A:c1 resource.peer.service=ext`,
		want:  `none; E1 x1`},
	{row: "B17", reason: "server.address is no peer attribute by default: such external calls are lost",
		spans: `A:c1 server.address=api.stripe.com`,
		want:  `none; E1 x1`},
	{row: "B17", reason: "the configuration can make server.address the peer attribute in place of peer.service",
		cfg:   temposeries.Config{PeerAttributes: []string{"server.address"}},
		spans: `A:c1 peer.service=ext server.address=api.stripe.com A:c2 peer.service=ext`,
		want:  `A→api.stripe.com virtual_node 1/0 cs.1 ss0; E2 x1`},
	{row: "B18", reason: "virtual_node overwrites messaging_system",
		spans: `A:p1 peer.service=kafka`,
		want:  `A→kafka virtual_node 1/0 cs.1 ss0; E1 x0`},
	{row: "B19", reason: "the first peer attribute decides, even an empty one",
		spans: `A:c1 peer.service="" db.system=redis`,
		want:  `none; E1 x1`},
	{row: "B20", reason: "the service of a server span wins over the client's peer.service",
		spans: `A:c1 peer.service=alias B:s2<1`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},

	// Database.
	{row: "D01", reason: "db.system is a peer attribute, and copies the client latency to the server",
		spans: `A:c1 db.system=postgresql`,
		want:  `A→postgresql virtual_node 1/0 cs.1 ss.1; E1 x0`},
	{row: "D02", reason: "db.system.name is not known",
		spans: `A:c1 db.system.name=postgresql`,
		want:  `none; E1 x1`},
	{row: "D03", reason: "db.name completes a call at once",
		spans: `A:c1 db.system=postgresql db.name=orders`,
		want:  `A→orders database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D04", reason: "db.namespace wins over db.name",
		spans: `A:c1 db.name=x db.namespace=y`,
		want:  `A→y database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D05", reason: "network.peer.address with its port wins over the database name",
		spans: `A:c1 db.name=x network.peer.address=10.0.0.1 network.peer.port=5432`,
		want:  `A→10.0.0.1:5432 database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D05", reason: "network.peer.address without a port wins over the database name",
		spans: `A:c1 db.name=x network.peer.address=10.0.0.1`,
		want:  `A→10.0.0.1 database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D06", reason: "server.address, without its port, wins over network.peer.address",
		spans: `A:c1 db.name=x network.peer.address=10.0.0.1 server.address=pg.local server.port=5432`,
		want:  `A→pg.local database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D06", reason: "server.address names a database of which only db.system is known",
		spans: `A:c1 db.system=postgresql server.address=pg.local`,
		want:  `A→pg.local database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D06", reason: "server.address and network.peer.address are also read from the resource",
		spans: `A:c1 resource.db.system=postgresql resource.server.address=pg.local`,
		want:  `A→pg.local database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D07", reason: "peer.service wins over all other names",
		spans: `A:c1 db.name=x server.address=pg.local peer.service=pgsvc`,
		want:  `A→pgsvc database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D07", reason: "for databases peer.service is also read from the resource",
		spans: `A:c1 db.name=x peer.service=span resource.peer.service=resource`,
		want:  `A→resource database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D08", reason: "a server span after a database client span comes too late",
		spans: `A:c1 db.name=x B:s2<1`,
		want:  `A→x database 1/0 cs.1 ss.1; E2 x1`},
	{row: "D09", reason: "a database client span overwrites name and latency of an earlier server span",
		spans: `B:s2<1 A:c1 db.name=x`,
		want:  `A→x database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D10", reason: "with db.system alone the call waits for the server",
		spans: `A:c1 db.system=redis B:s2<1`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},
	{row: "D11", reason: "db.name on the resource turns all calls of the resource into calls to that database",
		spans: `A:c1 resource.db.name=x B:s2<1`,
		want:  `A→x database 1/0 cs.1 ss.1; E2 x1`},
	{row: "D12", reason: "db.namespace is only read from the span",
		spans: `A:c1 resource.db.namespace=x`,
		want:  `none; E1 x1`},
	{row: "D13", reason: "producers call databases as well",
		spans: `A:p1 db.name=x`,
		want:  `A→x database 1/0 cs.1 ss.1; E1 x0`},
	{row: "D14", reason: "internal spans do not call databases",
		spans: `A:i1 db.name=x`,
		want:  `none; E0 x0`},
	{row: "D15", reason: "db.name on a server span has no effect",
		spans: `A:c1 B:s2<1 db.name=x`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},
	{row: "D16", reason: "an empty peer.service becomes the name of the database: the call never completes",
		spans: `A:c1 db.name=x peer.service=""`,
		want:  `none; E1 x1`},
	{row: "D17", reason: "a failed database call",
		spans: `A:c1! db.name=x`,
		want:  `A→x database 1/1 cs.1 ss.1; E1 x0`},

	// Messaging.
	{row: "M01", reason: "the messaging histogram gets the time between the two spans",
		spans: `A:p1 [0+10] B:k2<1 [50+20]`,
		want:  `A→B messaging_system 1/0 cs.01 ss.02 ms.04; E1 x0`},
	{row: "M02", reason: "the messaging histogram gets no negative time",
		spans: `A:p1 [0+100] B:k2<1 [50+20]`,
		want:  `A→B messaging_system 1/0 cs.1 ss.02; E1 x0`},
	{row: "M03", reason: "the messaging histogram gets no zero",
		spans: `A:p1 [0+50] B:k2<1 [50+20]`,
		want:  `A→B messaging_system 1/0 cs.05 ss.02; E1 x0`},
	{row: "M04", reason: "of two consumers the second is lost",
		spans: `A:p1 [0+10] B:k2<1 [50+20] C:k3<1 [50+20]`,
		want:  `A→B messaging_system 1/0 cs.01 ss.02 ms.04; E2 x1`},
	{row: "M05", reason: "the first consumer is lost if both come before the producer; its failure stays",
		spans: `B:k2<1! [50+20] C:k3<1 [50+30] A:p1 [0+10]`,
		want:  `A→C messaging_system 1/1 cs.01 ss.03 ms.04; E1 x0`},
	{row: "M06", reason: "the later half decides the type: a server span after a producer makes a plain call",
		spans: `A:p1 [0+10] B:s2<1 [50+20]`,
		want:  `A→B - 1/0 cs.01 ss.02; E1 x0`},
	{row: "M07", reason: "the later half decides the type: a producer makes a message",
		spans: `B:s2<1 [50+20] A:p1 [0+10]`,
		want:  `A→B messaging_system 1/0 cs.01 ss.02 ms.04; E1 x0`},
	{row: "M08", reason: "the later half decides the type: a consumer makes a message",
		spans: `A:c1 [0+10] B:k2<1 [50+20]`,
		want:  `A→B messaging_system 1/0 cs.01 ss.02 ms.04; E1 x0`},
	{row: "M09", reason: "a span in between hides the call",
		spans: `A:p1 B:i2<1 B:k3<2`,
		want:  `none; E2 x2`},

	// Retries and duplicates.
	{row: "R01", reason: "of two attempts in one client span the second and its failure are lost",
		spans: `A:c1 B:s2<1 [0+50] B:s3<1! [60+30]`,
		want:  `A→B - 1/0 cs.1 ss.05; E2 x1`},
	{row: "R02", reason: "of two attempts before the client span, the call gets the latency of one and the failure of the other",
		spans: `B:s2<1! [0+50] B:s3<1 [60+30] A:c1`,
		want:  `A→B - 1/1 cs.1 ss.03; E1 x0`},
	{row: "R03", reason: "attempts with their own client spans are separate calls",
		spans: `A:c1! A:c4 B:s2<1! B:s3<4`,
		want:  `A→B - 2/1 cs.2 ss.1; E2 x0`},
	{row: "R04", reason: "a half that is delivered twice counts once",
		spans: `A:c1 A:c1 B:s2<1`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},
	{row: "R05", reason: "a whole call that is delivered twice counts twice",
		spans: `A:c1 B:s2<1 A:c1 B:s2<1`,
		want:  `A→B - 2/0 cs.2 ss.1; E2 x0`},
	{row: "R06", reason: "a client span that is delivered again after its call becomes a call to its peer.service",
		spans: `A:c1 peer.service=ext B:s2<1 A:c1 peer.service=ext`,
		want:  `A→B - 1/0 cs.1 ss.05, A→ext virtual_node 1/0 cs.1 ss0; E2 x0`},
	{row: "R06", reason: "a half without a peer attribute keeps the peer name of the other half",
		spans: `A:c1 peer.service=ext A:c1`,
		want:  `A→ext virtual_node 1/0 cs.1 ss0; E1 x0`},
	{row: "R06", reason: "a half with an empty peer attribute removes the peer name of the other half",
		spans: `A:c1 peer.service=ext A:c1 peer.service=""`,
		want:  `none; E1 x1`},

	// Late spans and broken clocks. The spans of row L04 are too old to reach Tempo's
	// processor: see sendOld.
	{row: "L01", reason: "halves on both sides of expiry are not paired",
		spans: `A:c1 X B:s2<1`,
		want:  `none; E2 x2`},
	{row: "L02", reason: "the late server span is lost, beside a virtual node for the same server",
		spans: `A:c1 peer.service=B-alias X B:s2<1`,
		want:  `A→B-alias virtual_node 1/0 cs.1 ss0; E2 x1`},
	{row: "L03", reason: "an expired half can still be paired until the next check for expiry",
		spans: `A:c1 push2 B:s2<1`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},
	{row: "K01", reason: "an end before the start means latency zero",
		spans: `A:c1 [100+-50] B:s2<1`,
		want:  `A→B - 1/0 cs0 ss.05; E1 x0`},
	{row: "K02", reason: "a server latency above the client latency is kept",
		spans: `A:c1 [0+10] B:s2<1 [0+50]`,
		want:  `A→B - 1/0 cs.01 ss.05; E1 x0`},
	{row: "X01", reason: "at max_items a new pending half is dropped; databases and second halves still count",
		cfg:   temposeries.Config{MaxItems: 1},
		spans: `A:c1 A:c5 A:c6 db.name=x push2 B:s7<5 B:s2<1`,
		want:  `A→B - 1/0 cs.1 ss.05, A→x database 1/0 cs.1 ss.1; E2 x0 d2`},

	// Structure.
	{row: "T01", reason: "a server span below a server span is no call",
		spans: `A:s1 B:s2<1`,
		want:  `user→A virtual_node 1/0 cs0 ss.1; E2 x1`},
	{row: "T02", reason: "the server span must be the client span's own child",
		spans: `A:c1 B:i2<1 B:s3<2`,
		want:  `none; E2 x2`},
	{row: "T03", reason: "the client span's child must be a server or consumer span",
		spans: `A:c1 B:i2<1`,
		want:  `none; E1 x1`},
	{row: "T04", reason: "halves that share a span id are not paired",
		spans: `A:c1 B:s1`,
		want:  `user→B virtual_node 1/0 cs0 ss.1; E2 x1`},
	{row: "T05", reason: "halves that share a span id below a root are not paired",
		spans: `A:s9 A:c1<9 B:s1<9`,
		want:  `user→A virtual_node 1/0 cs0 ss.1; E3 x2`},
	{row: "T06", reason: "a parent id of eight zero bytes means no parent after Tempo's receiver",
		spans: `A:s1<0 [0+100]`,
		want:  `user→A virtual_node 1/0 cs0 ss.1; E1 x0`},
	{row: "T07", reason: "of nested clients the outer one is lost",
		spans: `A:c1 A:c2<1 [10+80] B:s3<2`,
		want:  `A→B - 1/0 cs.08 ss.05; E2 x1`},
	{row: "T08", reason: "span ids are unique only within a trace",
		spans: `A:c1 B:s2<1 trace:2`,
		want:  `none; E2 x2`},
	{row: "T09", reason: "service.name can have any value type",
		spans: `42:c1 true:s2<1`,
		want:  `42→true - 1/0 cs.1 ss.05; E1 x0`},
	{row: "T10", reason: "two root server spans of a trace share one pending half: the second overwrites the first",
		spans: `A:s1 B:s2 [0+50]`,
		want:  `user→B virtual_node 1/0 cs0 ss.05; E1 x0`},
	{row: "T11", reason: "a client span without an id is paired with the root server span",
		spans: `A:c0 B:s2 [10+50]`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},
	{row: "S01", reason: "links are not read",
		spans: `A:p1 B:k2 trace:2 link:1/1`,
		want:  `user→B virtual_node 1/0 cs0 ss.1; E2 x1`},
	{row: "long", reason: "names of more than 2,048 bytes are cut, also within a UTF-8 character",
		spans: strings.Repeat("x", 3000) + `:c1 peer.service=` + strings.Repeat("y", 2047) + `éé`,
		want:  strings.Repeat("x", 2048) + `→` + strings.Repeat("y", 2047) + "\xc3 virtual_node 1/0 cs.1 ss0; E1 x0"},
	{row: "long", reason: "all labels are cut at 2,048 bytes",
		cfg:   temposeries.Config{Dimensions: environment},
		spans: `A:s1 deployment.environment=` + strings.Repeat("x", 3000),
		want:  `user→A virtual_node 1/0 cs0 ss.1 deployment_environment=` + strings.Repeat("x", 2048) + `; E1 x0`},

	// Labels and weights.
	{row: "V01", reason: "virtual_node tells which side is not instrumented",
		cfg:   temposeries.Config{VirtualNodeLabel: true},
		spans: `A:s1 A:c2 peer.service=ext A:c3 db.name=x`,
		want:  `A→ext virtual_node 1/0 cs.1 ss0 virtual_node=server, A→x database 1/0 cs.1 ss.1, user→A virtual_node 1/0 cs0 ss.1 virtual_node=client; E3 x0`},
	{row: "N01", reason: "the dimension of the later half stays",
		cfg:   temposeries.Config{Dimensions: environment},
		spans: `A:c1 resource.deployment.environment=ca B:s2<1 resource.deployment.environment=sb`,
		want:  `A→B - 1/0 cs.1 ss.05 deployment_environment=sb; E1 x0`},
	{row: "N02", reason: "the dimension of the later half stays when the server span comes first",
		cfg:   temposeries.Config{Dimensions: environment},
		spans: `B:s2<1 resource.deployment.environment=sb A:c1 resource.deployment.environment=ca`,
		want:  `A→B - 1/0 cs.1 ss.05 deployment_environment=ca; E1 x0`},
	{row: "N02", reason: "a later half without the dimension keeps the earlier value",
		cfg:   temposeries.Config{Dimensions: environment},
		spans: `B:s2<1 resource.deployment.environment=sb A:c1`,
		want:  `A→B - 1/0 cs.1 ss.05 deployment_environment=sb; E1 x0`},
	{row: "N03", reason: "with prefixes both dimensions stay; the resource wins over the span",
		cfg:   temposeries.Config{Dimensions: environment, PrefixDimensions: true},
		spans: `A:c1 deployment.environment=span resource.deployment.environment=ca B:s2<1 deployment.environment=sb`,
		want:  `A→B - 1/0 cs.1 ss.05 client_deployment_environment=ca server_deployment_environment=sb; E1 x0`},
	{row: "N03", reason: "with prefixes a half without the dimension adds no label",
		cfg:   temposeries.Config{Dimensions: environment, PrefixDimensions: true},
		spans: `A:c1 resource.deployment.environment=ca B:s2<1`,
		want:  `A→B - 1/0 cs.1 ss.05 client_deployment_environment=ca; E1 x0`},
	{row: "N03", reason: "virtual_node has no prefix, and service.namespace is an ordinary attribute",
		cfg:   temposeries.Config{Dimensions: []string{"service.namespace"}, PrefixDimensions: true, VirtualNodeLabel: true},
		spans: `A:c1 resource.service.namespace=shop peer.service=ext`,
		want:  `A→ext virtual_node 1/0 cs.1 ss0 client_service_namespace=shop virtual_node=server; E1 x0`},
	{row: "N03", reason: "service.name is an ordinary attribute",
		cfg:   temposeries.Config{Dimensions: []string{"service.name"}},
		spans: `A:c1 service.name=span B:s2<1`,
		want:  `A→B - 1/0 cs.1 ss.05 service_name=B; E1 x0`},
	{row: "W01", reason: "the later half decides the span multiplier",
		cfg:   temposeries.Config{SpanMultiplierKey: "ratio"},
		spans: `A:c1! ratio=0.5 B:s2<1 ratio=0.1`,
		want:  `A→B - 10/10 cs1 ss.5; E1 x0`},
	{row: "W01", reason: "the span multiplier is read from span or resource, and applies to the messaging histogram",
		cfg:   temposeries.Config{SpanMultiplierKey: "ratio"},
		spans: `A:p1 [0+10] B:k2<1 [50+20] resource.ratio=0.5`,
		want:  `A→B messaging_system 2/0 cs.02 ss.04 ms.08; E1 x0`},
	{row: "W01", reason: "the span's multiplier wins over the resource's if it is a floating-point number",
		cfg:   temposeries.Config{SpanMultiplierKey: "ratio"},
		spans: `A:s1 ratio=0.5 resource.ratio=0.1 B:c9 trace:2 ratio=2 resource.ratio=0.1 C:s3<9 trace:2 ratio=2 resource.ratio=0.1`,
		want:  `B→C - 10/0 cs1 ss.5, user→A virtual_node 2/0 cs0 ss.2; E2 x0`},
	{row: "W02", reason: "a later half without a multiplier resets the multiplier to one",
		cfg:   temposeries.Config{SpanMultiplierKey: "ratio"},
		spans: `A:c1 ratio=0.5 B:s2<1`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},
	{row: "W03", reason: "integers are not multipliers",
		cfg:   temposeries.Config{SpanMultiplierKey: "ratio"},
		spans: `A:c1 ratio=2 B:s2<1 ratio=2`,
		want:  `A→B - 1/0 cs.1 ss.05; E1 x0`},
	{row: "W03", reason: "strings are not multipliers in Tempo; here attributes have no types",
		cfg:   temposeries.Config{SpanMultiplierKey: "ratio"},
		spans: `A:c1 B:s2<1 ratio="0.1"`,
		want:  `A→B - 10/0 cs1 ss.5; E1 x0`,
		tempo: `A→B - 1/0 cs.1 ss.05; E1 x0`},
}

// TestCases feeds each row to a processor through the OTLP reader.
func TestCases(t *testing.T) {
	for _, c := range cases {
		p := parser{row: c.row, epoch: time.Unix(1_767_225_600, 0)}
		requests, err := p.parse(c.spans)
		if err != nil {
			t.Fatal(err)
		}
		c.cfg.MessagingLatency = true
		processor := temposeries.NewProcessor(c.cfg)
		for _, r := range requests {
			for _, s := range spansOf(t, encode(t, r.spans), c.cfg) {
				processor.Add(s)
			}
			if r.expire {
				processor.Expire()
			}
		}
		processor.Expire()
		switch got := describe(processor); got {
		case c.want:
		case c.tempo:
			t.Errorf("%s, %s: %s\nthe result is now the same as Tempo's, so remove the field tempo: got `%s`", c.row, c.reason, c.spans, got)
		default:
			t.Errorf("%s, %s: %s\ngot  `%s`\nwant `%s`", c.row, c.reason, c.spans, got, c.want)
		}
	}
}

// encode returns the body of an OTLP export request.
func encode(t *testing.T, spans []*tracepb.ResourceSpans) []byte {
	t.Helper()
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// spansOf reads the spans in the body of an OTLP export request.
func spansOf(t *testing.T, body []byte, cfg temposeries.Config) []servicegraph.Span {
	t.Helper()
	var spans []servicegraph.Span
	for s, err := range tracefile.Read(bytes.NewReader(body), "request", tracefile.Config{Keep: cfg.Reads}) {
		if err != nil {
			t.Fatal(err)
		}
		spans = append(spans, s)
	}
	return spans
}

// describe writes the series and counters of a processor in the format of testCase.want.
func describe(p *temposeries.Processor) string {
	var series []string
	for _, s := range p.Series() {
		var b strings.Builder
		kind := s.ConnectionType
		if kind == "" {
			kind = "-"
		}
		fmt.Fprintf(&b, "%s→%s %s %v/%v cs%s ss%s", s.Client, s.Server, kind, s.Total, s.Failed, number(s.ClientSeconds.Sum), number(s.ServerSeconds.Sum))
		if s.MessagingSeconds.Count > 0 {
			fmt.Fprintf(&b, " ms%s", number(s.MessagingSeconds.Sum))
		}
		for _, l := range s.Labels {
			fmt.Fprintf(&b, " %s=%s", l.Name, l.Value)
		}
		series = append(series, b.String())
	}
	if series == nil {
		series = []string{"none"}
	}
	c := p.Counters()
	out := fmt.Sprintf("%s; E%d x%d", strings.Join(series, ", "), c.Edges, c.Expired)
	if c.Dropped > 0 {
		out += fmt.Sprintf(" d%d", c.Dropped)
	}
	return out
}

// number formats a number without a leading zero: .05 for 0.05.
func number(f float64) string {
	if f == 0 {
		return "0"
	}
	return strings.TrimPrefix(strconv.FormatFloat(f, 'g', 6, 64), "0")
}
