import { globalIgnores } from 'eslint/config'
import a11y from 'eslint-plugin-vuejs-accessibility'
import vue from 'eslint-plugin-vue'
import ts from 'typescript-eslint'

export default ts.config(
    globalIgnores(['dist', 'src/api/schema.d.ts']),
    ts.configs.strict,
    ts.configs.stylistic,
    vue.configs['flat/recommended'],
    a11y.configs['flat/recommended'],
    {
        files: ['**/*.vue'],
        languageOptions: { parserOptions: { parser: ts.parser } },
        rules: {
            'vue/multi-word-component-names': 'off',
            // TypeScript knows which properties may be left out.
            'vue/require-default-prop': 'off',
            // Prettier has the last word on how a template is laid out.
            'vue/max-attributes-per-line': 'off',
            'vue/singleline-html-element-content-newline': 'off',
            'vue/html-self-closing': 'off',
            'vue/html-indent': 'off',
            'vue/html-closing-bracket-newline': 'off',
            'vue/first-attribute-linebreak': 'off',
            'vue/multiline-html-element-content-newline': 'off',
            'vue/no-v-html': 'error',
            'vuejs-accessibility/label-has-for': ['error', { required: { some: ['nesting', 'id'] } }],
            'vuejs-accessibility/no-autofocus': 'off',
        },
    },
    { rules: { 'no-console': 'error', 'no-eval': 'error', '@typescript-eslint/consistent-type-definitions': 'off' } },
)
