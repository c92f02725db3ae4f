namespace RftService.Engine.Tokenization.Templates;

/// <summary>What stands right of `is`.</summary>
internal delegate bool TemplateTest(object? value, Arguments arguments);

/// <summary>The tests of Jinja.</summary>
internal static class Tests
{
    private static readonly Dictionary<string, TemplateTest> All = new(StringComparer.Ordinal)
    {
        ["defined"] = (value, _) => value is not Undefined,
        ["undefined"] = (value, _) => value is Undefined,
        ["none"] = (value, _) => value is null,
        ["string"] = (value, _) => value is string,
        ["mapping"] = (value, _) => value is TemplateDictionary,
        ["iterable"] = (value, _) => value is string or TemplateList or TemplateDictionary or Undefined,
        ["sequence"] = (value, _) => value is string or TemplateList or TemplateDictionary or Undefined,
        ["number"] = (value, _) => value is long or double or bool, // Python counts a boolean as a number
        ["integer"] = (value, _) => value is long,
        ["float"] = (value, _) => value is double,
        ["boolean"] = (value, _) => value is bool,
        ["true"] = (value, _) => value is true,
        ["false"] = (value, _) => value is false,
        ["callable"] = (value, _) => value is TemplateFunction,
        ["odd"] = (value, _) => Whole(value) % 2 != 0,
        ["even"] = (value, _) => Whole(value) % 2 == 0,
        ["divisibleby"] = (value, arguments) => Whole(arguments.Required(0, "num")) is var by and not 0 ? Whole(value) % by == 0 : throw new TemplateException("divisibleby 0"),
        ["equalto"] = Equal,
        ["eq"] = Equal,
        ["sameas"] = (value, arguments) => arguments.Required(0, "other") is var other && (ReferenceEquals(value, other) || (value is bool or null && Equals(value, other))),
        ["ne"] = (value, arguments) => !Equal(value, arguments),
        ["lt"] = (value, arguments) => Operations.Compare(value, arguments.Required(0, "other")) < 0,
        ["le"] = (value, arguments) => Operations.Compare(value, arguments.Required(0, "other")) <= 0,
        ["gt"] = (value, arguments) => Operations.Compare(value, arguments.Required(0, "other")) > 0,
        ["ge"] = (value, arguments) => Operations.Compare(value, arguments.Required(0, "other")) >= 0,
        ["in"] = (value, arguments) => Operations.Contains(new RenderContext(default), arguments.Required(0, "seq"), value),
    };

    public static TemplateTest? Find(string name) => All.GetValueOrDefault(name);

    private static bool Equal(object? value, Arguments arguments) =>
        Operations.AreEqual(new RenderContext(default), value, arguments.Required(0, "other"));

    private static long Whole(object? value) => value as long? ?? throw new TemplateException($"expected a whole number, got {Operations.TypeName(value)}");
}
