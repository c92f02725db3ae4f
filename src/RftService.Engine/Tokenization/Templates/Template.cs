namespace RftService.Engine.Tokenization.Templates;

/// <summary>
/// A chat template: the part of Jinja that chat templates use, bounded in work, output and nesting, so that a folder from outside
/// can neither hang nor end the process. Safe for use by many threads.
/// </summary>
internal sealed class Template
{
    private const int MaxSource = 512 * 1024;
    private readonly IReadOnlyList<Statement> _body;

    private Template(IReadOnlyList<Statement> body) => _body = body;

    /// <exception cref="TemplateException">The template uses what is not supported, or is no template.</exception>
    public static Template Parse(string source) => source.Length <= MaxSource
        ? new Template(new Parser(Lexer.Read(source)).ReadTemplate())
        : throw new TemplateException($"expected at most {MaxSource} characters, got {source.Length}");

    /// <exception cref="TemplateException">The template raised an exception, failed, or went beyond its bounds.</exception>
    public string Render(IReadOnlyDictionary<string, object?> variables, DateTime today)
    {
        var context = new RenderContext(today);
        foreach (var (name, value) in variables)
        {
            context.Scope.Set(name, value);
        }

        Statement.RenderAll(_body, context);
        return context.Output.ToString();
    }
}
