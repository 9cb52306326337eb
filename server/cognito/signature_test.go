package cognito

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Signatures made by botocore 1.4x (SigV4Auth), at noon of a day.
func TestSignaturesOfAmazonsLibraryAreRight(t *testing.T) {
	const (
		key  = "a-secret-of-forty-characters-0123456789a"
		body = `{"UserPoolId": "xx-local-1_AbC123", "Limit": 10}`
	)
	for _, v := range []struct{ path, host, sum, headers, mac string }{
		{"/cognito", "id.example", "", "content-type;host;x-amz-date;x-amz-target", "6fc5534b1632c36fcff583c9f168ab3612c1a419fe6c231122031f6eaad66e89"},
		{"/cognito/", "localhost:4283", hexSum([]byte(body)), "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target", "828dced48d6b5ab70fb8175d309542944858f63f2d00c551967dfadec1748587"},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://"+v.host+v.path, nil)
		for name, value := range map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target + "ListUsers", "X-Amz-Date": "20261121T120000Z", "X-Amz-Content-Sha256": v.sum,
			"Authorization": sigAlgorithm + " Credential=GLAKAAAAAAAAAAAAAAAA/20261121/xx-local-1/cognito-idp/aws4_request, SignedHeaders=" + v.headers + ", Signature=" + v.mac} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		s, whole := readSignature(r)
		if !whole || s.key != "GLAKAAAAAAAAAAAAAAAA" || !s.at.Equal(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)) {
			t.Fatalf("%s: read %+v, %v", v.path, s, whole)
		}
		if !s.made(r, v.host, []byte(body), key) {
			t.Errorf("%s: the signature is refused", v.path)
		}
		if s.made(r, v.host, []byte(strings.Replace(body, "10", "11", 1)), key) || s.made(r, "other.example", []byte(body), key) || s.made(r, v.host, []byte(body), key+"b") {
			t.Errorf("%s: another body, host or key is taken", v.path)
		}
	}
}
