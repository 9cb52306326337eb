# boto3, as it comes: it manages the people of a server, and signs one of them in by the public operations.
import os

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

POOL, APP = os.environ["POOL"], os.environ["CLIENT_ID"]
once = {"retries": {"total_max_attempts": 1}}
admin = boto3.client("cognito-idp", config=Config(**once))
people = boto3.client("cognito-idp", config=Config(signature_version=UNSIGNED, **once))
ANN, TEMPORARY, OWN = "ann@example.com", "Temporary-And-Long-1", "a long enough secret of hers"


def check(sentence, right, seen=""):
    print("PASS" if right else "FAIL", sentence, seen, sep="\t", flush=True)


def refused(call, **arguments):
    try:
        call(**arguments)
    except ClientError as e:
        return e.response["Error"]["Code"]
    return "nothing"


def status(name):
    return admin.admin_get_user(UserPoolId=POOL, Username=name)["UserStatus"]


def sign_in(password):
    return people.initiate_auth(ClientId=APP, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": ANN, "PASSWORD": password})


ben = admin.admin_create_user(UserPoolId=POOL, Username="ben@example.com", MessageAction="SUPPRESS")["User"]
user = admin.admin_create_user(UserPoolId=POOL, Username=ANN, TemporaryPassword=TEMPORARY,
                               UserAttributes=[{"Name": "email", "Value": ANN}, {"Name": "email_verified", "Value": "true"}, {"Name": "name", "Value": "Ann"}])["User"]
check("a person is made with a temporary password", user["UserStatus"] == "FORCE_CHANGE_PASSWORD" and user["Enabled"], user)
check("the same person twice is UsernameExistsException", refused(admin.admin_create_user, UserPoolId=POOL, Username=ANN) == "UsernameExistsException")

asked = sign_in(TEMPORARY)
check("the temporary password leads to NEW_PASSWORD_REQUIRED and to no tokens", asked.get("ChallengeName") == "NEW_PASSWORD_REQUIRED" and "AuthenticationResult" not in asked, asked)
done = people.respond_to_auth_challenge(ClientId=APP, ChallengeName="NEW_PASSWORD_REQUIRED", Session=asked["Session"],
                                        ChallengeResponses={"USERNAME": asked["ChallengeParameters"]["USER_ID_FOR_SRP"], "NEW_PASSWORD": OWN})
access = done["AuthenticationResult"]["AccessToken"]
check("the new password signs in", people.get_user(AccessToken=access)["Username"] == user["Username"])
check("the person is CONFIRMED then", status(ANN) == "CONFIRMED")
check("the temporary password is worth nothing", refused(sign_in, password=TEMPORARY) == "NotAuthorizedException")

listed = [u["Username"] for page in admin.get_paginator("list_users").paginate(UserPoolId=POOL, PaginationConfig={"PageSize": 1}) for u in page["Users"]]
check("the paginator lists everybody once", sorted(listed) == sorted([ben["Username"], user["Username"]]), listed)
for wanted in ('email = "ann@example.com"', 'email ^= "an"', 'sub = "%s"' % user["Username"], 'name = "Ann"'):
    found = [u["Username"] for u in admin.list_users(UserPoolId=POOL, Filter=wanted)["Users"]]
    check("the filter " + wanted.split()[0] + " " + wanted.split()[1] + " finds her alone", found == [user["Username"]], found)

admin.admin_update_user_attributes(UserPoolId=POOL, Username=ANN, UserAttributes=[{"Name": "given_name", "Value": "Ann"}])
admin.admin_delete_user_attributes(UserPoolId=POOL, Username=ANN, UserAttributeNames=["name"])
names = [a["Name"] for a in admin.admin_get_user(UserPoolId=POOL, Username=ANN)["UserAttributes"]]
check("attributes are set and taken away", "given_name" in names and "name" not in names, names)

admin.create_group(UserPoolId=POOL, GroupName="staff", Description="who works here")
check("a group twice is GroupExistsException", refused(admin.create_group, UserPoolId=POOL, GroupName="staff") == "GroupExistsException")
admin.admin_add_user_to_group(UserPoolId=POOL, Username=ANN, GroupName="staff")
check("she is in the group", [g["GroupName"] for g in admin.admin_list_groups_for_user(UserPoolId=POOL, Username=ANN)["Groups"]] == ["staff"])
check("the group is described", admin.get_group(UserPoolId=POOL, GroupName="staff")["Group"]["Description"] == "who works here")
check("the group lists her", [u["Username"] for u in admin.list_users_in_group(UserPoolId=POOL, GroupName="staff")["Users"]] == [user["Username"]])
admin.admin_remove_user_from_group(UserPoolId=POOL, Username=ANN, GroupName="staff")
admin.delete_group(UserPoolId=POOL, GroupName="staff")
check("the group is gone", admin.list_groups(UserPoolId=POOL)["Groups"] == [])

admin.admin_set_user_mfa_preference(UserPoolId=POOL, Username=ANN, SoftwareTokenMfaSettings={"Enabled": False})
factors = people.get_user_auth_factors(AccessToken=access)
check("her ways in are listed", "PASSWORD" in factors["ConfiguredUserAuthFactors"] and "UserMFASettingList" not in factors, factors)
key = "%s_%s" % (POOL, user["Username"])
check("devices are remembered by nobody", people.list_devices(AccessToken=access)["Devices"] == [] and not people.confirm_device(AccessToken=access, DeviceKey=key)["UserConfirmationNecessary"])
check("a device that nobody remembers is ResourceNotFoundException", refused(people.get_device, AccessToken=access, DeviceKey=key) == "ResourceNotFoundException")
people.update_device_status(AccessToken=access, DeviceKey=key, DeviceRememberedStatus="remembered")

admin.admin_disable_user(UserPoolId=POOL, Username=ANN)
check("whoever is disabled has no tokens and gets none", refused(people.get_user, AccessToken=access) == "NotAuthorizedException" and refused(sign_in, password=OWN) == "NotAuthorizedException")
admin.admin_enable_user(UserPoolId=POOL, Username=ANN)
access = sign_in(OWN)["AuthenticationResult"]["AccessToken"]
admin.admin_user_global_sign_out(UserPoolId=POOL, Username=ANN)
check("a global sign-out ends her tokens", refused(people.get_user, AccessToken=access) == "NotAuthorizedException")
admin.admin_reset_user_password(UserPoolId=POOL, Username=ANN)
check("after a reset the password leads to PasswordResetRequiredException", status(ANN) == "RESET_REQUIRED" and refused(sign_in, password=OWN) == "PasswordResetRequiredException")
admin.admin_set_user_password(UserPoolId=POOL, Username=ANN, Password=OWN + "!", Permanent=True)
result = sign_in(OWN + "!").get("AuthenticationResult", {})
check("a permanent password signs in at once", "AccessToken" in result)
check("a refresh token is good at InitiateAuth, too", "AccessToken" in people.initiate_auth(ClientId=APP, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": result["RefreshToken"]})["AuthenticationResult"])
try:
    people.initiate_auth(ClientId=APP, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": ANN, "PASSWORD": OWN + "!", "SECRET_HASH": "c2VjcmV0"})
    check("SECRET_HASH is refused", False)
except people.exceptions.NotAuthorizedException as e:
    check("SECRET_HASH is refused, and why", "not configured for secret" in str(e), e)

pool = admin.describe_user_pool(UserPoolId=POOL)["UserPool"]
flows = admin.describe_user_pool_client(UserPoolId=POOL, ClientId=APP)["UserPoolClient"]["ExplicitAuthFlows"]
check("pool and application are described", pool["Id"] == POOL and "ALLOW_USER_SRP_AUTH" in flows, flows)

people.sign_up(ClientId=APP, Username="carl@example.com", Password=OWN, UserAttributes=[{"Name": "given_name", "Value": "Carl"}])
waiting = admin.list_users(UserPoolId=POOL, Filter='cognito:user_status = "UNCONFIRMED"')["Users"]
check("a sign-up waits, and is listed", status("carl@example.com") == "UNCONFIRMED" and len(waiting) == 1, waiting)
admin.admin_confirm_sign_up(UserPoolId=POOL, Username="carl@example.com")
check("an administrator confirms it", status("carl@example.com") == "CONFIRMED")

admin.admin_delete_user(UserPoolId=POOL, Username=ANN)
check("who is deleted is nobody", refused(admin.admin_get_user, UserPoolId=POOL, Username=ANN) == "UserNotFoundException")
wrong = boto3.client("cognito-idp", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="x" * 40, config=Config(**once))
check("another secret is refused", refused(wrong.list_users, UserPoolId=POOL) == "InvalidSignatureException")
check("no signature is refused", refused(people.list_users, UserPoolId=POOL) == "MissingAuthenticationTokenException")
print("END")
