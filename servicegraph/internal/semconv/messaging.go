package semconv

import (
	"cmp"
	"strings"
)

func (a *Attrs) hasQueue() bool { return a.system() != "" || a.destination(Unset) != "" }

// system returns the name of the messaging product. Clients of AWS may name only the queue or the
// topic, from which the product follows.
func (a *Attrs) system() string {
	switch {
	case known(a.msgSystem) != "":
		return messagingSystem(a.msgSystem)
	case a.sqsQueue != "":
		return "aws_sqs"
	case a.snsTopic != "":
		return "aws.sns"
	}
	return ""
}

// destination returns the name of the queue or topic that a span of the given kind names, without the
// parts that only tell where it is.
func (a *Attrs) destination(kind Kind) string {
	if a.msgTemplate != "" {
		return a.msgTemplate
	}
	name := queueName(known(cmp.Or(a.msgDestination, a.msgDestinationOld, a.msgSource, a.sqsQueue, a.snsTopic)))
	if key := cmp.Or(a.msgRoutingKey, a.msgRoutingKeyOld); key != "" && isDefaultExchange(name) {
		return key // the default exchange sends each message to the queue with this name
	}
	exchange, rest, found := strings.Cut(name, ":")
	key, queue, hasQueue := strings.Cut(rest, ":")
	switch {
	case found && isDefaultExchange(exchange) && rest != "":
		return cmp.Or(queue, rest)
	case hasQueue && kind == Consumer && a.system() == "rabbitmq":
		return exchange + ":" + key // the name that the producer uses, because it does not know the queue
	}
	return name
}

// operation returns the type of the operation on a queue: send, publish, create, receive, process or
// settle. Without an attribute for the type, it follows from the RPC method of clients of AWS, or from
// the name of the operation in the words of the product. The name is empty or unknown in most cases.
func (a *Attrs) operation() string {
	if o := cmp.Or(a.msgOperation, a.msgOperationOld); o != "" {
		return cmp.Or(operationNamed(o), o)
	}
	if system := a.system(); system == "aws_sqs" || system == "aws.sns" {
		switch a.rpcMethod[strings.LastIndexByte(a.rpcMethod, '/')+1:] {
		case "SendMessage", "SendMessageBatch", "Publish", "PublishBatch":
			return "send"
		case "ReceiveMessage":
			return "receive"
		case "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch":
			return "settle"
		}
	}
	return operationNamed(a.msgOperationName)
}

// operationNamed returns the type of the operation with a name that products or their clients use, and an
// empty text for any other name.
func operationNamed(name string) string {
	switch name = strings.ToLower(name); name {
	case "send", "publish", "create", "receive", "process", "settle":
		return name
	case "deliver": // in version 1.24 of the conventions
		return "process"
	case "poll":
		return "receive"
	case "ack", "nack", "acknowledge", "reject", "complete", "abandon", "defer", "commit", "delete", "dead_letter", "deadletter":
		return "settle"
	}
	return ""
}

// queue returns the name of a destination: system/destination. Clients invent the names of
// temporary destinations, so all temporary destinations with the same template have one name,
// and those without a template have the name "temporary" [M13].
func (a *Attrs) queue(kind Kind) string {
	destination, system := a.destination(kind), a.system()
	if a.msgTemplate == "" && (cmp.Or(a.msgTemporary, a.msgTemporaryOld) == "true" || a.msgAnonymous == "true" || isTemporary(destination)) {
		destination = "temporary"
	}
	if destination != "" && system != "" {
		return system + "/" + destination
	}
	return cmp.Or(destination, system)
}

// lastingQueue returns the name of a destination that is temporary only by messaging.temp_destination,
// and an empty text for any other destination: see marksEveryQueue.
func (a *Attrs) lastingQueue(kind Kind) string {
	if a.msgTemporaryOld != "true" {
		return ""
	}
	lasting := *a
	lasting.msgTemporaryOld = ""
	return lasting.queue(kind)
}

// marksEveryQueue reports whether a library sets messaging.temp_destination on each PRODUCER span,
// although the queue is not temporary [M13].
func marksEveryQueue(scope string) bool {
	switch scope {
	case "opentelemetry.instrumentation.pika", "opentelemetry.instrumentation.aio_pika", "opentelemetry.instrumentation.confluent_kafka":
		return true
	}
	return false
}

// carriesNothing reports whether the span neither sends nor receives a message: the span
// settles a message, or it sends a batch whose messages have spans of their own, to which the
// links of the span point.
func (a *Attrs) carriesNothing(hasLinks bool) bool {
	switch a.operation() {
	case "settle":
		return a.hasQueue()
	case "send", "publish":
		return a.hasQueue() && hasLinks
	}
	return false
}

// transfers reports whether the span either sends messages or asks for them, so that its links must
// decide: old clients of Azure record no operation. A span that sends a batch and a span that
// receives one both have links to the spans that created the messages.
func (a *Attrs) transfers(hasLinks bool) bool {
	return hasLinks && a.hasQueue() && a.operation() == ""
}

// publishes reports whether the span puts a message into a queue. In the present conventions
// this is a CLIENT span if another span created the message. For the graph, it is the sending
// side of the message in any case.
func (a *Attrs) publishes() bool {
	switch a.operation() {
	case "send", "publish", "create":
		return a.hasQueue()
	}
	return false
}

// receives reports whether the span takes messages from a queue. In the present conventions it
// is a CLIENT span if it asks for messages, and a CONSUMER span if messages are delivered to
// it. For the graph, both are the receiving side.
func (a *Attrs) receives() bool { return a.hasQueue() && a.operation() == "receive" }

// isDefaultExchange reports whether the name of a destination stands for RabbitMQ's default
// exchange, whose own name is empty.
func isDefaultExchange(name string) bool {
	switch name {
	case "", "amq.default", "(default)", "<default>", "(AMQP default)":
		return true
	}
	return false
}

// isTemporary reports whether a product or a client made up the name of a destination, for example
// for the replies to one client. Names with a UUID, with or without its dashes, count as made up.
func isTemporary(name string) bool {
	for _, prefix := range [...]string{
		"_INBOX.", "_R_.", "$JS.ACK.", // NATS
		"amq.gen-", "amq.rabbitmq.reply-to", "spring.gen-", // RabbitMQ
		"temp-queue://", "temp-topic://", "ID:", // JMS
		"#P2P/QTMP/", "AMQ.", // Solace, IBM MQ
		"(temporary)", "(anonymous)",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for i := 0; i+36 <= len(name); i++ {
		if isUUID(name[i : i+36]) {
			return true
		}
	}
	return hasHexUUID(name)
}

// hasHexUUID reports whether a name has a UUID without dashes: exactly 32 hexadecimal digits in a
// row, not all of them decimal, with neither a letter nor a digit beside them.
func hasHexUUID(name string) bool {
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' && r < 128 }) {
		if len(part) == 32 && strings.Trim(part, "0123456789abcdefABCDEF") == "" && strings.Trim(part, "0123456789") != "" {
			return true
		}
	}
	return false
}

// isUUID reports whether a text is a UUID: 36 hexadecimal digits and dashes.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f'):
			return false
		}
	}
	return true
}

// isSubscription reports whether a name is the name of an Azure subscription, which begins with the
// topic. The dead letter queue of a subscription is a queue of its own.
func isSubscription(name string) bool {
	topic, rest, found := strings.Cut(name, "/")
	kind, subscription, named := strings.Cut(rest, "/")
	return found && topic != "" && strings.EqualFold(kind, "subscriptions") && named && subscription != "" && !strings.Contains(subscription, "/")
}

// queueName returns the last part of the full resource name of a queue, such as a URL, an ARN or
// projects/p/topics/t, and any other name as it is: plain names can contain slashes as well.
func queueName(name string) string {
	last := name
	switch {
	case strings.HasPrefix(name, "arn:"):
		last = name[strings.LastIndexAny(name, ":/")+1:]
	case strings.HasPrefix(name, "temp-"):
	case strings.HasPrefix(name, "persistent://"), strings.HasPrefix(name, "non-persistent://"): // Pulsar
		last = name[strings.LastIndexByte(name, '/')+1:]
		if i := strings.LastIndex(last, "-partition-"); i > 0 && isNumber(last[i+len("-partition-"):]) {
			last = last[:i]
		}
	case isSubscription(name): // of Azure: topic/Subscriptions/name
		last = name[:strings.IndexByte(name, '/')]
	case strings.Contains(name, "://"): // JMS adds options to a name as a query
		name = withoutQuery(name)
		last = name[strings.LastIndexByte(name, '/')+1:]
	case strings.HasPrefix(name, "projects/"), strings.HasPrefix(name, "//"):
		last = name[strings.LastIndexByte(name, '/')+1:]
	}
	if last == "" {
		return name
	}
	return last
}
