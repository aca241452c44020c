pub fn render(_: &super::service::Serving) -> String {
    String::new()
}
