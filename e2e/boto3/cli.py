# The AWS CLI, as it comes: it manages the people of a server, and signs one of them in by the public operations.
import json
import os
import subprocess
import sys

POOL, APP = os.environ["POOL"], os.environ["CLIENT_ID"]
DORA, TEMPORARY, OWN = "dora@example.com", "Temporary-And-Long-1", "a long enough secret of hers"
AWS = os.path.join(os.path.dirname(sys.executable), "aws")


def check(sentence, right, seen=""):
    print("PASS" if right else "FAIL", sentence, seen, sep="\t", flush=True)


def aws(operation, *arguments):
    """Does an operation; its answer, or the error as the CLI prints it."""
    done = subprocess.run([AWS, "cognito-idp", operation, "--output", "json", *arguments], capture_output=True, text=True)
    return json.loads(done.stdout or "{}") if done.returncode == 0 else " ".join(done.stderr.split())


def about(operation, *arguments):
    return aws(operation, "--user-pool-id", POOL, *arguments)


def status():
    return about("admin-get-user", "--username", DORA)["UserStatus"]


pool = about("describe-user-pool")
check("describe-user-pool: the pool", pool["UserPool"]["Id"] == POOL, pool)
made = about("admin-create-user", "--username", DORA, "--temporary-password", TEMPORARY, "--message-action", "SUPPRESS",
             "--user-attributes", "Name=email,Value=" + DORA, "Name=email_verified,Value=true", "Name=given_name,Value=Dora")
check("admin-create-user: she has to choose a password", made["User"]["UserStatus"] == "FORCE_CHANGE_PASSWORD", made)
found = about("list-users", "--filter", 'given_name = "Dora"', "--limit", "5")
check("list-users: the filter finds her alone", [u["Username"] for u in found["Users"]] == [made["User"]["Username"]], found)
asked = aws("initiate-auth", "--client-id", APP, "--auth-flow", "USER_PASSWORD_AUTH", "--auth-parameters", json.dumps({"USERNAME": DORA, "PASSWORD": TEMPORARY}))
check("initiate-auth: NEW_PASSWORD_REQUIRED", asked.get("ChallengeName") == "NEW_PASSWORD_REQUIRED", asked)
done = aws("respond-to-auth-challenge", "--client-id", APP, "--challenge-name", "NEW_PASSWORD_REQUIRED", "--session", asked["Session"],
           "--challenge-responses", json.dumps({"USERNAME": DORA, "NEW_PASSWORD": OWN}))
access = done["AuthenticationResult"]["AccessToken"]
check("respond-to-auth-challenge: tokens", done["AuthenticationResult"]["TokenType"] == "Bearer" and status() == "CONFIRMED", sorted(done))
check("get-user: with the token, unsigned", aws("get-user", "--access-token", access)["Username"] == made["User"]["Username"])
about("admin-user-global-sign-out", "--username", DORA)
refused = aws("get-user", "--access-token", access)
check("admin-user-global-sign-out: the token is worth nothing", "(NotAuthorizedException)" in refused, refused)
about("admin-set-user-password", "--username", DORA, "--password", TEMPORARY, "--no-permanent")
check("admin-set-user-password: a temporary one", status() == "FORCE_CHANGE_PASSWORD")
about("admin-set-user-password", "--username", DORA, "--password", OWN + "!", "--permanent")
flow = aws("initiate-auth", "--client-id", APP, "--auth-flow", "USER_PASSWORD_AUTH", "--auth-parameters", json.dumps({"USERNAME": DORA, "PASSWORD": OWN + "!"}))
check("admin-set-user-password: a permanent one signs in at once", "AuthenticationResult" in flow, sorted(flow))
about("admin-delete-user", "--username", DORA)
gone = about("admin-get-user", "--username", DORA)
check("admin-delete-user: she is nobody", "(UserNotFoundException)" in gone, gone)
print("END")
