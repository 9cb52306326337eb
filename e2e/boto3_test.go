package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gatelatch/e2e/loud"
)

// python makes a virtual environment with the packages of a folder's requirements.txt and returns its interpreter.
func python(t *testing.T, folder string) string {
	t.Helper()
	found, err := exec.LookPath("python3")
	if err != nil {
		loud.Skip(t, "Python 3 with venv")
	}
	at := t.TempDir()
	if out, err := exec.Command(found, "-m", "venv", at).CombinedOutput(); err != nil {
		loud.Skip(t, fmt.Sprintf("Python 3 with venv: %v\n%s", err, out))
	}
	interpreter := filepath.Join(at, "bin", "python")
	if out, err := exec.Command(interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", filepath.Join(folder, "requirements.txt")).CombinedOutput(); err != nil {
		loud.Skip(t, fmt.Sprintf("the packages of e2e/%s, which pip could not fetch: %v\n%s", folder, err, out))
	}
	return interpreter
}

// cognitoKey is a key with which programs sign their calls.
type cognitoKey struct {
	ID       string `json:"access_key_id"`
	Secret   string `json:"secret_access_key"`
	Region   string `json:"region"`
	Endpoint string `json:"endpoint"`
}

// cognitoKey makes one by the command.
func (s *server) cognitoKey() (key cognitoKey) {
	s.t.Helper()
	out, err := exec.Command(gatelatch, "cognito-key", "create", "journey", "--json", "--data", s.Data).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(out, &key); err != nil || key.Secret == "" {
		s.t.Fatalf("%v: %s", err, out)
	}
	s.private = append(s.private, key.Secret)
	return key
}

func TestBoto3AndTheAWSCLIManagePeople(t *testing.T) {
	interpreter := python(t, "boto3")
	s, environment := amplify(t, nil)
	key := s.cognitoKey()
	for _, script := range []string{"journey.py", "cli.py"} {
		t.Run(script, func(t *testing.T) {
			run := exec.Command(interpreter, filepath.Join("boto3", script))
			run.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+key.ID, "AWS_SECRET_ACCESS_KEY="+key.Secret, "AWS_DEFAULT_REGION="+key.Region, "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER="+key.Endpoint,
				"AWS_SESSION_TOKEN=", "AWS_PAGER=", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "POOL="+environment["POOL"].(string), "CLIENT_ID="+environment["CLIENT_ID"].(string))
			report(t, run)
		})
	}
}
