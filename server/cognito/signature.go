package cognito

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatelatch/server/secret"
)

// AWS Signature Version 4, as far as calls of this API need it: one method, no query, the body signed whole.
const (
	sigAlgorithm = "AWS4-HMAC-SHA256"
	sigService   = "cognito-idp"
	sigDrift     = 15 * time.Minute
	sigTime      = "20060102T150405Z"
	sigMost      = 2000 // bytes of the header; a real one has some 250
)

// What a caller hears whose signature does not do. Amazon answers all of them with 400, and clients know the names.
var (
	errUnsigned  = fail("MissingAuthenticationTokenException", "Missing Authentication Token")
	errHalf      = fail("IncompleteSignatureException", "The Authorization header is not a complete signature (AWS Signature Version 4, service cognito-idp) of host, x-amz-date and x-amz-target.")
	errSignedBy  = fail("UnrecognizedClientException", "The security token included in the request is invalid.")
	errSignature = fail("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your secret access key and signing method.")
	errSignedAt  = fail("InvalidSignatureException", "Signature expired or not yet current: the clock of the caller and that of this server are more than 15 minutes apart.")
)

// signature is what a signed call says of its signature.
type signature struct {
	key     string
	scope   string // date/region/service/aws4_request; the region may be any text
	headers []string
	mac     []byte
	at      time.Time
}

// readSignature reads the Authorization header of a signed call; false if it is none of this service, or leaves out what must be signed.
func readSignature(r *http.Request) (signature, bool) {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), sigAlgorithm+" ")
	if !ok || len(rest) > sigMost {
		return signature{}, false
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	key, scope, _ := strings.Cut(fields["Credential"], "/")
	parts := strings.Split(scope, "/")
	if len(parts) != 4 || parts[2] != sigService || parts[3] != "aws4_request" {
		return signature{}, false
	}
	s := signature{key: key, scope: scope, headers: strings.Split(fields["SignedHeaders"], ";")}
	var err error
	if s.mac, err = hex.DecodeString(fields["Signature"]); err != nil {
		return signature{}, false
	}
	if s.at, err = time.Parse(sigTime, r.Header.Get("X-Amz-Date")); err != nil || s.at.Format("20060102") != parts[0] {
		return signature{}, false
	}
	// A call whose host, operation or date is not signed could be another one.
	for _, must := range []string{"host", "x-amz-date", "x-amz-target"} {
		if !slices.Contains(s.headers, must) {
			return signature{}, false
		}
	}
	return s, slices.IsSorted(s.headers) && len(slices.Compact(slices.Clone(s.headers))) == len(s.headers)
}

// made reports whether the call was signed with that secret access key, as one sent to that host.
func (s signature) made(r *http.Request, host string, body []byte, key string) bool {
	sum := hexSum(body)
	if said := r.Header.Get("X-Amz-Content-Sha256"); said != "" && said != sum {
		return false
	}
	var canonical strings.Builder
	canonical.WriteString(r.Method + "\n" + r.URL.EscapedPath() + "\n" + r.URL.RawQuery + "\n")
	for _, name := range s.headers {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = host
		}
		canonical.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	canonical.WriteString("\n" + strings.Join(s.headers, ";") + "\n" + sum)
	text := strings.Join([]string{sigAlgorithm, r.Header.Get("X-Amz-Date"), s.scope, hexSum([]byte(canonical.String()))}, "\n")
	derived := []byte("AWS4" + key)
	for part := range strings.SplitSeq(s.scope, "/") {
		derived = hmacOf(derived, part)
	}
	return secret.Equal(hmacOf(derived, text), s.mac)
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func hmacOf(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
