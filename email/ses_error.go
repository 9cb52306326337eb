package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// explain turns an error of the SDK into plain words. to is the recipient as it was sent.
func (s *SES) explain(err error, to string) *Error {
	e := &Error{Provider: "ses", Err: err, Answer: err.Error()}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Answer = api.ErrorCode() + ": " + api.ErrorMessage()
		s.explainAnswer(e, api, statusOf(err), to)
		return e
	}
	s.explainSilence(e, err)
	return e
}

// statusOf is the HTTP status of the answer, 0 if there was none.
func statusOf(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// explainAnswer is for what SES or the gate in front of it said. Names are those of the SESv2 API reference (SendEmail,
// Errors) and of its common errors; the older spellings still come from some regions and from role services.
func (s *SES) explainAnswer(e *Error, api smithy.APIError, status int, to string) {
	text := strings.ToLower(api.ErrorMessage())
	switch code := strings.TrimSuffix(api.ErrorCode(), "Exception"); code {
	case "MessageRejected", "MessageRejectedError":
		s.explainRejected(e, text, to)
	case "MailFromDomainNotVerified":
		e.Kind = Identity
		e.Reason = "The custom MAIL FROM domain of your SES identity is not set up."
		e.Next = "Add its MX and TXT records at your DNS provider, or remove the MAIL FROM domain from the identity in " + s.region + "."
	case "AccountSuspended":
		e.Kind = Paused
		e.Reason = "Amazon has permanently stopped this account from sending mail."
		e.Next = "Read the message Amazon sent to the account's owner, or use another provider."
	case "SendingPaused":
		e.Kind = Paused
		e.Reason = "Sending is paused for this account or for the configuration set."
		e.Next = "Open the SES console in " + s.region + ", look at the reputation page, and resume sending there."
	case "TooManyRequests", "LimitExceeded", "Throttling", "ThrottledException", "Throttled", "RequestLimitExceeded", "SlowDown":
		e.Kind = Throttled
		e.Reason = "SES takes no more mail at this speed."
		e.Next = "Nothing to do if it passes: mail waits and is tried again. If it returns, ask for a higher sending rate in the SES console."
		if strings.Contains(text, "daily") || strings.Contains(text, "quota") {
			e.Reason = "The number of mails SES allows in 24 hours has been reached."
			e.Next = "Ask for a higher quota in the SES console in " + s.region + ". In the sandbox it is 200 a day."
		}
	case "NotFound", "ConfigurationSetDoesNotExist":
		e.Kind = Setting
		e.Reason = "SES does not know something this server names in its request" + named(" the configuration set ", s.config.ConfigurationSet) + "."
		e.Next = "Check the spelling of configuration_set and the identity ARNs, and that they exist in " + s.region + "."
	case "BadRequest", "InvalidParameterValue", "Validation":
		s.explainBadRequest(e, text)
	default:
		s.explainGate(e, code, text, status)
	}
}

// failedIdentities finds the region and the identities in SES's sentence about unverified addresses.
var failedIdentities = regexp.MustCompile(`(?s)identities failed the check in region ([a-z0-9-]+):\s*(.*)`)

// explainRejected tells the sandbox from an unverified sender: SES says the same sentence for both and lists who failed.
func (s *SES) explainRejected(e *Error, text, to string) {
	if !strings.Contains(text, "not verified") {
		e.Kind, e.Permanent = Content, true
		e.Reason = "SES refused the contents of the mail."
		e.Next = "Read SES's own answer. If you replaced the words of this mail, send a test with the built-in words."
		return
	}
	region, failed := s.region, ""
	if match := failedIdentities.FindStringSubmatch(text); match != nil {
		region, failed = match[1], match[2]
	}
	identities := identitiesIn(failed)
	if slices.Contains(identities, strings.ToLower(s.from.Address)) || !slices.Contains(identities, strings.ToLower(to)) {
		e.Kind = Identity
		e.Reason = "The sender " + s.from.Address + " is not verified in SES in the region " + region + "."
		e.Next = "In the SES console, choose the region " + region + ", open Identities, and verify " + s.from.Domain() +
			" or this address. If it is verified in another region, set region to that one."
		return
	}
	e.Kind = Sandbox
	e.Reason = "Your SES account is in the sandbox in " + region + ": it sends to verified addresses only, and the recipient's is not one."
	e.Next = "Ask for production access in the SES console (Account dashboard), or verify the recipient's address for a trial."
}

// identitiesIn cuts SES's list into bare addresses and domains.
func identitiesIn(list string) []string {
	var bare []string
	for item := range strings.SplitSeq(list, ",") {
		if open := strings.LastIndexByte(item, '<'); open >= 0 {
			item = item[open:]
		}
		bare = append(bare, strings.Trim(item, " <>.\"\n"))
	}
	return bare
}

// explainBadRequest splits what is wrong with an address from what is wrong with a setting.
func (s *SES) explainBadRequest(e *Error, text string) {
	e.Reason = "SES does not accept a value in the request."
	e.Kind = Setting
	e.Next = "Read SES's own answer and check from, the feedback address and the identity ARNs."
	for _, mark := range []string{"missing final '@domain'", "domain", "local address", "illegal", "recipient"} {
		if strings.Contains(text, mark) && !strings.Contains(text, "arn") {
			e.Kind, e.Permanent = Recipient, true
			e.Reason = "SES does not accept an address in the request."
			e.Next = "Check the recipient's address for typing mistakes, then the sender's."
			return
		}
	}
}

// explainGate is for errors of the signature check and the permissions in front of SES, and for everything unknown.
func (s *SES) explainGate(e *Error, code, text string, status int) {
	switch code {
	case "UnrecognizedClient", "InvalidClientTokenId", "InvalidAccessKeyId":
		e.Kind = Keys
		e.Reason = "AWS does not know this access key."
		e.Next = "Copy access_key_id again. A key of another AWS partition (China, GovCloud) or a deleted key looks the same; keys for SES's SMTP interface do not work here."
	case "SignatureDoesNotMatch", "InvalidSignature", "IncompleteSignature":
		if strings.Contains(text, "expired") || strings.Contains(text, "not yet current") {
			e.wrongClock()
			return
		}
		e.Kind = Keys
		e.Reason = "The secret access key does not belong to the access key."
		e.Next = "Copy secret_access_key again, the whole of it, or make a new pair in IAM. An SMTP password of SES is not a secret access key."
	case "ExpiredToken":
		e.Kind = Keys
		e.Reason = "The temporary AWS keys have expired."
		e.Next = "Use keys of an IAM user, or a role the server can renew by itself."
	case "RequestExpired", "RequestTimeTooSkewed":
		e.wrongClock()
	case "MissingAuthenticationToken":
		e.Kind = Keys
		e.Reason = "The request carried no AWS keys."
		e.Next = "Set access_key_id and secret_access_key."
	case "AccessDenied", "NotAuthorized":
		e.Kind = Permission
		e.Reason = "The keys are right, but they may not send mail."
		e.Next = "Give their IAM user or role the permission ses:SendEmail for this identity" + named(" and for the configuration set ", s.config.ConfigurationSet) + "."
	case "OptInRequired", "SubscriptionRequired":
		e.Kind = Permission
		e.Reason = "This AWS account cannot use SES yet."
		e.Next = "Finish the account's registration with AWS and open the SES console once."
	default:
		e.Kind = Provider
		e.Reason = "SES answered with an error we do not know."
		e.Next = "Read SES's own answer."
		switch {
		case status >= 500:
			e.Reason = "SES has trouble of its own."
			e.Next = "Nothing to do: mail waits and is tried again. The AWS Health dashboard says more."
		case status == http.StatusTooManyRequests:
			e.Kind = Throttled
			e.Reason = "SES takes no more mail at this speed."
			e.Next = "Nothing to do if it passes: mail waits and is tried again."
		case status == http.StatusForbidden && strings.Contains(text, "authentication token"):
			e.Kind = Keys
			e.Reason = "The request carried no AWS keys."
			e.Next = "Set access_key_id and secret_access_key."
		}
	}
}

// wrongClock is said where a signature is refused because of its time.
func (e *Error) wrongClock() {
	e.Kind = Keys
	e.Reason = "The clock of this server differs too much from Amazon's."
	e.Next = "Set the server's clock by NTP."
}

// explainSilence is for requests that got no answer from SES.
func (s *SES) explainSilence(e *Error, err error) {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case noCredentials(err):
		e.Kind = Keys
		e.Reason = "No AWS keys were found: none are set, and this machine has none in its environment, its AWS files or a role."
		e.Next = "Set access_key_id and secret_access_key, or give the machine a role that may send mail."
		if s.static {
			e.Reason = "The AWS keys could not be used."
			e.Next = "Copy access_key_id and secret_access_key again."
		}
	case errors.As(err, &dns) && dns.IsNotFound && s.config.Endpoint == "":
		e.Kind = Region
		e.Reason = fmt.Sprintf("There is no SES in a region called %s.", s.region)
		e.Next = "Set region to the one that holds your SES identity, such as eu-central-1; the SES console shows it at the top right."
	case errors.As(err, &dns):
		e.Kind = Unreachable
		e.Reason = "The name of the SES server could not be looked up."
		e.Next = "Check this machine's DNS" + named(" and the setting endpoint, ", s.config.Endpoint) + "."
	case errors.As(err, &cert):
		e.Kind = TLS
		e.Reason = "The certificate of the SES server is not trusted here."
		e.Next = "Install the ca-certificates of this machine; behind a proxy that opens TLS, set AWS_CA_BUNDLE."
	case errors.Is(err, context.DeadlineExceeded) || timedOut(err):
		e.Kind = Unreachable
		e.Reason = "SES did not answer in time."
		e.Next = "Check that this machine may reach the internet on port 443; mail waits and is tried again."
	default:
		e.Kind = Unreachable
		e.Reason = "SES could not be reached."
		e.Next = "Check that this machine may reach the internet on port 443" + named(" and the setting endpoint, ", s.config.Endpoint) + "."
	}
}

// noCredentials reports whether the request never left because there was nothing to sign it with.
func noCredentials(err error) bool {
	text := err.Error()
	return strings.Contains(text, "get identity:") || strings.Contains(text, "refresh cached credentials") ||
		strings.Contains(text, "static credentials are empty")
}

// timedOut reports whether a connection or an answer took too long.
func timedOut(err error) bool {
	var slow net.Error
	return errors.As(err, &slow) && slow.Timeout()
}

// named is before followed by name, or nothing if there is no name.
func named(before, name string) string {
	if name == "" {
		return ""
	}
	return before + name
}

// Facts asks SES about the account: sandbox, quota, paused sending. Each is a sentence for administrators. An error means
// only that SES would not say, for example for want of the permission ses:GetAccount; mail may still leave.
func (s *SES) Facts(ctx context.Context) ([]string, error) {
	limited, cancel := context.WithTimeout(ctx, sesTimeout)
	defer cancel()
	account, err := s.client.GetAccount(limited, nil)
	if err != nil {
		return nil, s.explain(err, "")
	}
	var facts []string
	if !account.ProductionAccessEnabled {
		facts = append(facts, "The account is in the SES sandbox in "+s.region+": mail reaches verified addresses only.")
	}
	if !account.SendingEnabled {
		facts = append(facts, "Sending is switched off for this account in "+s.region+".")
	}
	if q := account.SendQuota; q != nil {
		facts = append(facts, quotaFact(q))
	}
	return facts, nil
}

// quotaFact says how much of the day's quota is used. SES means "no limit" by -1.
func quotaFact(q *types.SendQuota) string {
	if q.Max24HourSend < 0 {
		return fmt.Sprintf("%.0f mails were sent in the last 24 hours, at most %.0f a second; there is no daily limit.", q.SentLast24Hours, q.MaxSendRate)
	}
	return fmt.Sprintf("%.0f of %.0f mails were sent in the last 24 hours, at most %.0f a second.", q.SentLast24Hours, q.Max24HourSend, q.MaxSendRate)
}
