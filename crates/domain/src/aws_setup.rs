//! What a person needs to give the service a role in an AWS account: policies and snippets, as text.

use serde_json::{Map, Value, json};

/// A role that lets the service put records, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSetup {
    /// As whom the service assumes roles.
    pub principal_arn: String,
    /// That of the workspace.
    pub external_id: String,
    pub role_name: String,
    pub region: String,
    /// The account of the streams; any account if it is not known yet. A role acts in its own account only.
    pub account: Option<String>,
    /// The one stream that may be put into; all streams of the region if there is none.
    pub stream: Option<String>,
}

impl RoleSetup {
    /// Who may assume the role: the service, and only on behalf of the workspace.
    pub fn trust_policy(&self) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": self.principal_arn},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": self.external_id}},
            }],
        })
    }

    pub fn permission_policy(&self) -> Value {
        permission_policy(&self.region, self.account.as_deref(), self.stream.as_deref())
    }

    /// A Terraform file with the role, its policy, and its ARN as output.
    pub fn terraform(&self) -> String {
        let (name, trust) = (hcl_text(&self.role_name), hcl(&self.trust_policy(), 1));
        let permissions = hcl(&self.permission_policy(), 1);
        format!(
            r#"resource "aws_iam_role" "rowcast" {{
  name               = {name}
  assume_role_policy = jsonencode({trust})
}}

resource "aws_iam_role_policy" "rowcast" {{
  name   = "rowcast-kinesis"
  role   = aws_iam_role.rowcast.id
  policy = jsonencode({permissions})
}}

output "rowcast_role_arn" {{
  value = aws_iam_role.rowcast.arn
}}
"#
        )
    }

    /// A CloudFormation template, in JSON, with the role, its policy, and its ARN as output.
    pub fn cloudformation(&self) -> String {
        let template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": "Lets Rowcast put records into Kinesis streams",
            "Resources": {"RowcastRole": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": self.role_name,
                    "AssumeRolePolicyDocument": self.trust_policy(),
                    "Policies": [{"PolicyName": "rowcast-kinesis", "PolicyDocument": self.permission_policy()}],
                },
            }},
            "Outputs": {"RowcastRoleArn": {"Value": {"Fn::GetAtt": ["RowcastRole", "Arn"]}}},
        });
        format!("{template:#}\n")
    }
}

/// What the service does with streams. ListStreams cannot be narrowed to a stream; the describing actions may be left
/// out; the key matters only to streams that are encrypted with one of the customer's own, and is used by Kinesis alone.
pub fn permission_policy(region: &str, account: Option<&str>, stream: Option<&str>) -> Value {
    let stream = stream_arn(region, account.unwrap_or("*"), stream.unwrap_or("*"));
    let kinesis = format!("kinesis.{region}.{}", dns_suffix(region));
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["kinesis:PutRecords", "kinesis:DescribeStreamSummary", "kinesis:ListShards"],
                "Resource": stream,
            },
            {"Effect": "Allow", "Action": "kinesis:ListStreams", "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": "kms:GenerateDataKey",
                "Resource": "*",
                "Condition": {"StringEquals": {"kms:ViaService": kinesis}},
            },
        ],
    })
}

pub fn stream_arn(region: &str, account: &str, stream: &str) -> String {
    format!("arn:{}:kinesis:{region}:{account}:stream/{stream}", partition(region))
}

/// The second part of every ARN of a region.
pub fn partition(region: &str) -> &'static str {
    let is = |start: &str| region.starts_with(start);
    match region {
        _ if is("cn-") => "aws-cn",
        _ if is("us-gov-") => "aws-us-gov",
        _ if is("us-isob-") => "aws-iso-b",
        _ if is("us-isof-") => "aws-iso-f",
        _ if is("eu-isoe-") => "aws-iso-e",
        _ if is("us-iso-") => "aws-iso",
        _ if is("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

fn dns_suffix(region: &str) -> &'static str {
    match partition(region) {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        _ => "amazonaws.com",
    }
}

/// JSON as an expression of Terraform's language.
fn hcl(value: &Value, depth: usize) -> String {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match value {
        Value::String(text) => hcl_text(text),
        Value::Array(values) => {
            let values: String = values.iter().map(|value| format!("{inner}{},\n", hcl(value, depth + 1))).collect();
            format!("[\n{values}{outer}]")
        }
        Value::Object(fields) => format!("{{\n{}{outer}}}", hcl_fields(fields, &inner, depth)),
        other => other.to_string(),
    }
}

fn hcl_fields(fields: &Map<String, Value>, indent: &str, depth: usize) -> String {
    fields.iter().map(|(key, value)| format!("{indent}{} = {}\n", hcl_text(key), hcl(value, depth + 1))).collect()
}

/// A quoted text in which nothing is interpolated.
fn hcl_text(text: &str) -> String {
    let mut quoted = String::from('"');
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '$' | '%' if characters.peek() == Some(&'{') => quoted.extend([character, character]),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> RoleSetup {
        RoleSetup {
            principal_arn: "arn:aws:iam::111122223333:role/rowcast".to_owned(),
            external_id: "an-external-id".to_owned(),
            role_name: "rowcast-writer".to_owned(),
            region: "eu-west-1".to_owned(),
            account: Some("444455556666".to_owned()),
            stream: Some("orders".to_owned()),
        }
    }

    #[test]
    fn the_role_trusts_the_service_only_with_the_external_id_of_the_workspace() {
        let trust = setup().trust_policy();
        let statement = &trust["Statement"][0];
        assert_eq!(trust["Statement"].as_array().map(Vec::len), Some(1));
        assert_eq!(statement["Principal"], json!({"AWS": "arn:aws:iam::111122223333:role/rowcast"}));
        assert_eq!(statement["Condition"], json!({"StringEquals": {"sts:ExternalId": "an-external-id"}}));
    }

    #[test]
    fn one_stream_or_all_streams_of_a_region_may_be_put_into() {
        let resource = |setup: &RoleSetup| setup.permission_policy()["Statement"][0]["Resource"].clone();
        assert_eq!(resource(&setup()), "arn:aws:kinesis:eu-west-1:444455556666:stream/orders");
        let all = RoleSetup { account: None, stream: None, region: "cn-north-1".to_owned(), ..setup() };
        assert_eq!(resource(&all), "arn:aws-cn:kinesis:cn-north-1:*:stream/*");
        let via = &all.permission_policy()["Statement"][2]["Condition"]["StringEquals"]["kms:ViaService"];
        assert_eq!(via, "kinesis.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn the_longest_policy_of_one_stream_fits_a_session() {
        let policy = permission_policy("ap-southeast-99", Some("444455556666"), Some(&"s".repeat(128)));
        assert!(policy.to_string().len() <= 2048);
    }

    #[test]
    fn each_region_has_its_partition() {
        for (region, expected) in [
            ("eu-west-1", "aws"),
            ("us-east-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-northwest-1", "aws-cn"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(partition(region), expected, "{region}");
        }
    }

    #[test]
    fn the_cloudformation_template_is_json_whatever_the_names_hold() {
        let odd = RoleSetup { external_id: "a\"b\\c\n</x>".to_owned(), ..setup() };
        let template: Value = serde_json::from_str(&odd.cloudformation()).unwrap();
        let properties = &template["Resources"]["RowcastRole"]["Properties"];
        assert_eq!(properties["AssumeRolePolicyDocument"], odd.trust_policy());
        assert_eq!(properties["Policies"][0]["PolicyDocument"], odd.permission_policy());
    }

    #[test]
    fn the_terraform_snippet_says_what_the_policies_say() {
        let snippet = setup().terraform();
        for line in [
            r#"  name               = "rowcast-writer""#,
            r#"          "AWS" = "arn:aws:iam::111122223333:role/rowcast""#,
            r#"            "sts:ExternalId" = "an-external-id""#,
            r#"        "Resource" = "arn:aws:kinesis:eu-west-1:444455556666:stream/orders""#,
        ] {
            assert!(snippet.lines().any(|found| found == line), "{line}\n{snippet}");
        }
        let count = |character| snippet.matches(character).count();
        assert!(count('{') == count('}') && count('[') == count(']') && count('(') == count(')'), "{snippet}");
    }

    #[test]
    fn nothing_is_interpolated_or_escapes_from_a_text_of_terraform() {
        let odd = RoleSetup { external_id: "${file(\"/x\")} %{ if } $ 100% \\\n\u{8}".to_owned(), ..setup() };
        let line = r#""sts:ExternalId" = "$${file(\"/x\")} %%{ if } $ 100% \\\n\u0008""#;
        assert!(odd.terraform().lines().any(|found| found.trim() == line), "{}", odd.terraform());
    }
}
